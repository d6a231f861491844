"""What the README and the pages of the site say is so: tests exist, manifests are real, links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.documents import DOCUMENTS, ROOT, blocks, shown

README: Final = ROOT / "README.md"
NAMED: Final = re.compile(r"`(tests/[\w/]+\.py::\w+(?:\[[\w-]+\])?)`")
BAD_LUCK: Final = ROOT / "docs/bad-luck.md"
NAMED_TESTS: Final = sorted({name for file in DOCUMENTS for name in NAMED.findall(file.read_text("utf-8"))})


@pytest.fixture(scope="module")
def collected() -> list[str]:
    """Every test there is, each case of it by itself."""
    everywhere = ("-o", "norecursedirs=.*")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *everywhere, "tests"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if "::" in line]


def test_the_guarantees_name_tests() -> None:
    rows = _table(README, "guarantee")
    assert len(rows) > 10
    assert all("::" in row for row in rows)


@pytest.mark.parametrize("named", NAMED_TESTS)
def test_a_test_that_is_named_exists(collected: list[str], named: str) -> None:
    assert any(one == named or one.startswith(f"{named}[") for one in collected)


def test_each_case_of_bad_luck_stands_in_the_table_with_what_happens(collected: list[str]) -> None:
    rows = [row.strip("| ").split(" | ") for row in _table(BAD_LUCK, "bad luck")]
    assert [row for row in rows if len(row) != 3 or not all(row) or not NAMED.search(row[2])] == []
    told = {name for _, _, tests in rows for name in NAMED.findall(tests)}
    cases = {one for one in collected if re.match(r"tests/integration/test_bad_luck_\w+\.py::", one)}
    assert len(cases) > 40
    assert cases - told == set()


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


def _table(file: Path, first_column: str) -> list[str]:
    """The rows of the table whose first column is headed so."""
    lines = shown(file).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first_column} |")) + 2
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    return lines[start:end]
