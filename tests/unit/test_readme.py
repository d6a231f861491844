"""What the README says is so: its tests exist, its settings and manifests are real, its links lead somewhere."""

import ast
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic.fields import FieldInfo

from litellm_key_operator.settings import Address, Run

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
NAMED_TESTS: Final = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", README)))
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_the_guarantees_name_tests() -> None:
    rows = _table("guarantee")
    assert len(rows) > 10
    assert all("::" in row for row in rows)


@pytest.mark.parametrize(("file", "name"), NAMED_TESTS)
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_settings_are_the_real_ones() -> None:
    assert _table("flag") == [_row(name, field) for name, field in Run.model_fields.items()]


def test_the_manifests_are_those_of_the_examples() -> None:
    examples = [one for file in (ROOT / "examples").rglob("*.yaml") for one in _documents(file.read_text("utf-8"))]
    shown = [one for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) for one in _documents(block)]
    assert len(shown) == 3
    assert all(one in examples for one in shown)


def test_make_knows_every_target_that_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = {target for file in DOCUMENTS for target in re.findall(r"`make ([a-z-]+)", file.read_text("utf-8"))}
    assert {"demo", "test"} <= named
    assert {target for target in named if f"\n{target}:" not in makefile} == set()


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_links_lead_to_files(file: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (file.parent / link).exists()] == []


def _documents(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(text))


def _table(first_column: str) -> list[str]:
    """The rows of the table whose first column is headed so."""
    lines = README.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |")) + 2
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    return lines[start:end]


def _row(name: str, field: FieldInfo) -> str:
    default = "its own" if field.default_factory is not None else _text(field.default)
    return f"| `--{name.replace('_', '-')}` | {default} | {' '.join((field.description or '').split())} |"


def _text(default: object) -> str:
    match default:
        case Address(host, port):
            return f"`{host}:{port}`"
        case bool():
            return f"`{str(default).lower()}`"
        case float():
            return f"`{default:g}s`"
        case []:
            return ""
        case _:
            return f"`{default}`"
