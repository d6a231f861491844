"""What pytest loads for all tests; fixtures are where their subject is."""

pytest_plugins = ["tests.support.failures", "tests.support.servers"]
