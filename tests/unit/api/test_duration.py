import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_key_operator.api.duration import Duration, Lifetime, at_least, at_most


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86400), ("30d", 2592000), ("4w", 2419200), ("3650d", 315360000)],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert Duration(text).seconds == seconds
    assert Lifetime(text).seconds == seconds
    assert Duration(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "0s", "01s", "s", "1", "1.5h", "1h30m", " 1h", "1h\n", "-1h", "1H", "1y", "1mo", "1000000s", "never", "٣d"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        Duration(text)
    with pytest.raises(ValueError, match="is no duration"):
        Lifetime(text)


@pytest.mark.parametrize("text", ["3651d", "522w", "87601h", "999999w"])
def test_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 3650d"):
        Duration(text)


def test_never_has_no_seconds() -> None:
    assert Lifetime("Never").seconds is None


def test_never_is_no_duration() -> None:
    with pytest.raises(ValueError, match="is no duration"):
        Duration("Never")


@given(st.text(alphabet="0123456789smhdw", max_size=8))
def test_a_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        seconds = Duration(text).seconds
    except ValueError:
        return
    assert 0 < seconds <= 3650 * 86400


def test_rules_name_their_limit() -> None:
    assert at_least("10s") == (at_least("10s")[0], "must be at least 10s")
    assert at_least("10s")[0].endswith(">= 10")
    assert at_most("1h")[0].endswith("<= 3600")
    assert at_most("1h")[1] == "must be at most 1h"
