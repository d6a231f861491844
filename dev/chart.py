"""The table of values in the chart's README, made of the comments in `values.yaml`; `python -m dev.chart --help`."""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import yaml

from dev.helm import CHART

README: Final = CHART / "README.md"
BEGIN: Final = "<!-- The rest of this section is generated from values.yaml by `make generate`. -->\n"
END: Final = "<!-- The end of what is generated. -->\n"
_LINE: Final = re.compile(r"(?P<indent> *)(?:# (?P<comment>.*)|(?P<key>[A-Za-z]\w*):.*)")
_DESCRIBES: Final = "-- "


class Value(NamedTuple):
    """One row: a value by its path, what it is by default, and what it does."""

    path: str
    default: Any
    description: str


def values() -> list[Value]:
    """Every value of the chart."""
    return described((CHART / "values.yaml").read_text(encoding="utf-8"))


def described(text: str) -> list[Value]:
    """Every described value in a text; raises ValueError about one that is neither described nor part of one."""
    told = dict(_descriptions(text))
    return [Value(path, default, told[path]) for path, default in _walk(yaml.safe_load(text), "", told)]


def table() -> str:
    """The values, as Markdown."""
    rows = [f"| `{value.path}` | `{json.dumps(value.default)}` | {_cell(value.description)} |" for value in values()]
    return "\n".join(("| value | default | what it is |", "|---|---|---|", *rows)) + "\n"


def readme() -> str:
    """The README as it should be."""
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes or checks the README; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dev.chart", description="Generate the table of values.")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="write it into the chart's README")
    choice.add_argument("--check", action="store_true", help="fail if it is not as generated")
    wanted, write = readme(), parser.parse_args(arguments).write
    if write:
        README.write_text(wanted, encoding="utf-8")
    elif README.read_text(encoding="utf-8") != wanted:
        sys.stderr.write("the chart's README: not as generated from values.yaml; `make generate`\n")
        return 1
    return 0


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _descriptions(text: str) -> Iterator[tuple[str, str]]:
    """Paths of values, each with the comment above it that begins with `--`."""
    above: list[str] = []
    outer: list[tuple[int, str]] = []
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            above = []
        elif found["comment"] is not None:
            above.append(found["comment"])
        else:
            depth = len(found["indent"])
            outer = [(indent, key) for indent, key in outer if indent < depth]
            outer.append((depth, found["key"]))
            if above and above[0].startswith(_DESCRIBES):
                yield ".".join(key for _, key in outer), " ".join(above).removeprefix(_DESCRIBES)
            above = []


def _walk(value: Mapping[str, Any], path: str, told: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The described values below a node; what is below a described one belongs to it."""
    for key, inner in value.items():
        here = f"{path}{key}"
        if here in told:
            yield here, inner
        elif isinstance(inner, dict) and inner:
            yield from _walk(cast("Mapping[str, Any]", inner), f"{here}.", told)
        else:
            raise ValueError(f"values.yaml: {here} has no comment that begins with `# {_DESCRIBES}`")


if __name__ == "__main__":
    sys.exit(main())
