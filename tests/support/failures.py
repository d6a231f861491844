"""What a failed test is shown with."""

from collections.abc import Generator
from typing import Any, Final

import pytest

from dev.children import tail
from dev.operatorprocess import OperatorProcess

LINES: Final = 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:  # noqa: ARG001 - its signature
    """Adds to a failure what every operator that runs has said last: the next run may not fail again."""
    report = yield
    if report.failed:
        for operator in OperatorProcess.present:
            report.sections.append((f"log of {operator.log_file}", tail(operator.log_file, LINES)))
    return report
