"""What the README and the pages of the site say is so: tests exist, manifests are real, links lead somewhere."""

import ast
import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.documents import DOCUMENTS, ROOT, blocks, shown

README: Final = ROOT / "README.md"
NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[([\w-]+)\])?`")
NAMED_TESTS: Final = sorted({named for file in DOCUMENTS for named in NAMED.findall(file.read_text("utf-8"))})


def test_the_guarantees_name_tests() -> None:
    rows = _table("guarantee")
    assert len(rows) > 10
    assert all("::" in row for row in rows)


@pytest.mark.parametrize(("file", "name", "case"), NAMED_TESTS)
def test_a_test_that_is_named_exists(file: str, name: str, case: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    defined = ast.FunctionDef | ast.AsyncFunctionDef
    assert name in {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, defined)}
    assert not case or re.search(rf"\b{case}\b", text)


def test_the_manifests_are_those_of_the_examples() -> None:
    examples = [one for file in (ROOT / "examples").rglob("*.yaml") for one in _documents(file.read_text("utf-8"))]
    manifests = [one for block in blocks(README, "yaml") for one in _documents(block.text)]
    assert len(manifests) == 3
    assert all(one in examples for one in manifests)


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
    lines = shown(README).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |")) + 2
    end = next(number for number in range(start, len(lines)) if not lines[number].startswith("|"))
    return lines[start:end]
