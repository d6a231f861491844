"""Real servers on this machine, for the tests and the demo."""
