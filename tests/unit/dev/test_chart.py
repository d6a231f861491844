"""The table of the chart's values, made of the comments in its `values.yaml`."""

import pytest

from dev.chart import described, values

TEXT = """\
# About the file.

# -- How many
# of them.
count: 1
image:
  # An aside.
  # -- Not the first line.
  # -- Where it is.
  name: a|b
# -- All of it.
limits:
  memory: 1
  # -- More of it.
  cpu: {}
"""


def test_a_value_is_what_its_comment_says_and_what_has_none_belongs_to_what_is_above() -> None:
    text = TEXT.replace("  # An aside.\n  # -- Not the first line.\n", "")
    assert [tuple(value) for value in described(text)] == [
        ("count", 1, "How many of them."),
        ("image.name", "a|b", "Where it is."),
        ("limits", {"memory": 1, "cpu": {}}, "All of it."),
    ]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (TEXT, "image.name"),
        ("# An aside.\na: 1\n", "a"),
        ("# -- One.\n\na: 1\n", "a"),
        ("# -- One.\na: 1\nb: {}\n", "b"),
        ("# -- One.\na: 1\nb:\n  c: 1\n", "b.c"),
    ],
)
def test_a_value_without_a_description_is_named(text: str, path: str) -> None:
    with pytest.raises(ValueError, match=rf"{path} has no comment"):
        described(text)


def test_the_chart_describes_all_of_its_values() -> None:
    assert {value.path for value in values() if not value.description.endswith(".")} == set()
