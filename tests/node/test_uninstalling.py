"""The operator goes, in either order, and the ways out of what is left then are as they are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.node.stage import TEAM, Stage, claim, values
from tests.support.documents import ROOT, UNINSTALLING, chapters
from tests.support.shell import follow

CHAPTERS: Final = chapters(UNINSTALLING)
BEGIN: Final = CHAPTERS.pop("")


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_operator_goes_as_the_guide_says(stage: Stage, chapter: str, tmp_path: Path) -> None:
    for name in ("deploy", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "values.yaml").write_text(json.dumps(values()), encoding="utf-8")
    stage.install()
    stage.example("quickstart/20-role.yaml")
    stage.example("quickstart/30-key.yaml")
    stage.wait_ready("app")
    assert CHAPTERS[chapter]

    follow([*BEGIN, *CHAPTERS[chapter]], tmp_path, stage.shell())

    assert stage.admin.rows(f"{TEAM}/") == []
    assert not stage.exists("secret", "app")


def test_a_key_outlives_its_operator_and_its_pod_goes_on(stage: Stage) -> None:
    stage.install()
    stage.example("quickstart/20-role.yaml")
    stage.example("quickstart/30-key.yaml")
    stage.wait_ready("app")
    before = stage.get("secret", "app")["data"]

    stage.uninstall()
    assert stage.get("secret", "app")["data"] == before
    assert stage.admin.row(stage.token("app")) is not None

    stage.install()
    stage.apply(TEAM, claim("another"))
    stage.wait_ready("app", "another")
    assert stage.get("secret", "app")["data"] == before
    assert stage.get("litellmkey", "app")["status"]["revision"] == 1
