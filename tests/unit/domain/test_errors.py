import pytest

from litellm_key_operator.domain.errors import quoted

KEY = "sk-aBcDeFgHiJkLmNoP_-12"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\n  lines\tand more ", "two lines and more"),
        (f"bad key {KEY}", "bad key sk-[redacted]"),
        (f"{KEY},{KEY}", "sk-[redacted],sk-[redacted]"),
        ("sk-...abcd", "sk-...abcd"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 197 + "..."),
        (f"{'x' * 190} {KEY}", f"{'x' * 190} sk-[re..."),
    ],
)
def test_a_foreign_text_is_made_fit_to_be_shown(text: str, shown: str) -> None:
    assert quoted(text)[:203] == shown[:203]
    assert len(quoted(text)) <= 200
    assert "aBcDeFg" not in quoted(text)
