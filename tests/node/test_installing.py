"""Whoever follows the README on a cluster has a key that works in the end."""

from __future__ import annotations

from pathlib import Path

from dev.node import images
from tests.node.stage import ADMIN_SECRET, PLATFORM, TEAM, Stage
from tests.support.documents import ROOT, chapters
from tests.support.shell import follow


def test_the_readme_installs_the_operator_and_hands_out_a_key(stage: Stage, tmp_path: Path) -> None:
    image, *steps = chapters(ROOT / "README.md")["Install"]
    assert "make image" in image.text
    for name in ("deploy", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    stage.access.kubectl("delete", f"secret/{ADMIN_SECRET}", "-n", PLATFORM)

    follow(steps, tmp_path, stage.shell(IMAGE=f"{images.OPERATOR}:{images.TAG}"))

    assert [row["key_alias"] for row in stage.admin.rows(f"{TEAM}/")] == [f"{TEAM}/app"]
