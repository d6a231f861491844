"""Times as people say them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from litellm_key_operator.plugin.moments import relative, span
from tests.unit.plugin.objects import NOW


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (60, "1m"),
        (130, "2m10s"),
        (180, "3m"),
        (3599, "59m"),
        (3600, "1h"),
        (7260, "2h1m"),
        (86399, "23h"),
        (86400, "1d"),
        (2 * 86400 + 5 * 3600, "2d5h"),
        (12 * 86400 + 3600, "12d"),
        (-130, "2m10s"),
    ],
)
def test_a_span_is_told_as_finely_as_it_matters(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_moment_is_told_from_now() -> None:
    assert relative(NOW + timedelta(minutes=5), NOW) == "in 5m"
    assert relative(NOW - timedelta(minutes=5), NOW) == "5m ago"
    assert relative(None, NOW) == "-"
    assert relative(None, NOW, "never") == "never"
