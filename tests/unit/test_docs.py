"""The site: it can be built and read without a network, and what it says of names, reasons and commands is so."""

from __future__ import annotations

import re
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Final

import pytest

from dev import reference
from dev.litellm import Release
from litellm_key_operator.api import names
from litellm_key_operator.api.reasons import ConnectionReason, EventReason, KeyReason, RoleReason
from litellm_key_operator.engine.connections import OLDEST
from tests.support.documents import DOCUMENTS, FOLLOWED, ROOT, UNINSTALLING, blocks, shown
from tests.support.prometheus import rules

DOCS: Final = ROOT / "docs"
REASONS: Final = {"connections": ConnectionReason, "roles": RoleReason, "keys": KeyReason}
LANGUAGES: Final = {"yaml", "sh", "console", "text"}
OFFLINE: Final = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise OSError(f"the build wanted {event} {arguments}")

sys.addaudithook(refuse)
from mkdocs.__main__ import cli
cli()
"""
ELSEWHERE: Final = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


@pytest.mark.parametrize(("page", "reasons"), REASONS.items())
def test_every_reason_has_its_entry_and_every_entry_its_reason(page: str, reasons: type[StrEnum]) -> None:
    entries = _entries(page)
    assert sorted(entries) == sorted(reasons)
    for name, text in entries.items():
        meaning, _, advice = text.partition("\n- **Look at** ")
        assert meaning.strip(), f"{name} does not say what it means"
        assert "\n- **Do** " in advice, f"{name} does not say what to do"


def test_every_event_has_its_row_with_its_type() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (?=\S)", shown(DOCS / "troubleshooting/events.md"), re.MULTILINE)
    assert sorted(rows) == sorted((str(reason), reason.type) for reason in EventReason)


def test_every_alert_has_its_row_with_its_severity() -> None:
    rows = re.findall(
        r"^\| `(LiteLLM\w+)` \| [^|]+ \| (\w+) \| (?=\S)", shown(DOCS / "guides/observability.md"), re.MULTILINE
    )
    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in rules()]


@pytest.mark.parametrize(
    "name",
    [
        text
        for constant, text in vars(names).items()
        if constant.startswith(("ANNOTATION_", "LABEL_", "FINALIZER", "METADATA_"))
    ],
)
def test_every_name_on_other_objects_is_told(name: str) -> None:
    assert re.search(rf"[`.]{re.escape(name)}[`:]", shown(DOCS / "reference/names.md"))


def test_the_supported_versions_are_those_that_the_tests_run_on() -> None:
    rows = re.findall(r"^\| ([\w .]+) \| ([^|]*) \| (?=\S)", shown(DOCS / "support.md"), re.MULTILINE)
    modules = (ROOT / "dev/controlplane/kubernetes/go.mod").read_text(encoding="utf-8")
    kubernetes = re.search(r"^\tk8s\.io/kubernetes v(\S+)", modules, re.MULTILINE)
    assert kubernetes is not None
    assert [version for version, _ in rows[:2]] == [Release.NEWEST.version, Release.OLDEST.version]
    assert rows[2][0] == f"older than {'.'.join(map(str, OLDEST))}"
    assert dict(rows)["Kubernetes"] == kubernetes[1]


def test_the_reference_is_generated_from_the_code() -> None:
    assert reference.differences() == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(ROOT)))
def test_blocks_are_of_a_kind_that_is_tested(file: Path) -> None:
    found = blocks(file)
    assert shown(file).count("\n```") == 2 * len(found), "a block without a language"
    assert {block.language for block in found} <= LANGUAGES
    if file.is_relative_to(DOCS) and not file.is_relative_to(DOCS / "decisions"):
        followed = set(blocks(file, "sh", "console")) <= set(blocks(ROOT / "README.md"))
        assert followed or file in {*FOLLOWED, UNINSTALLING}, "commands that no test runs"


def test_the_site_is_built_without_a_network_and_fetches_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OFFLINE, "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) >= len(list(DOCS.rglob("*.md")))
    assert [found for page in pages for found in ELSEWHERE.findall(page.read_text(encoding="utf-8"))] == []
    assert [page for page in pages if 'class="mermaid"' in page.read_text(encoding="utf-8")] == []
    styles = "".join(sheet.read_text(encoding="utf-8") for sheet in tmp_path.rglob("*.css"))
    assert "url(http" not in styles
    assert "@import" not in styles


def _entries(page: str) -> dict[str, str]:
    _, *parts = re.split(r"^### ", shown(DOCS / f"troubleshooting/{page}.md"), flags=re.MULTILINE)
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}
