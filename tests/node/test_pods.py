"""Pods use what they are given: as soon as there is a Secret, over rotations, changes and a restart of the node."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from litellm_key_operator.api.names import ANNOTATION_ROTATE
from tests.node.stage import TEAM, Stage
from tests.support.waiting import until

ROTATIONS = 3
EXPECTED = "hello from a model that costs nothing"


@pytest.fixture
def working(stage: Stage) -> Stage:
    """A Deployment that asks LiteLLM without pause, with a key in a mounted Secret."""
    stage.install()
    stage.example("rotation.yaml")
    stage.wait_ready("worker")
    stage.deploy("mounted-deployment.yaml")
    until(lambda: stage.answered("worker") > 10, "the first completions")
    return stage


def test_pods_wait_for_their_secret_and_work_with_it(stage: Stage) -> None:
    stage.install()
    stage.example("quickstart/20-role.yaml")
    stage.deploy("openai-deployment.yaml")
    stage.deploy("mounted-deployment.yaml")
    until(lambda: stage.waits_for("app") == "CreateContainerConfigError", "the Pod that lacks its environment")
    until(lambda: stage.waits_for("worker") == "ContainerCreating", "the Pod that lacks its volume")

    stage.example("quickstart/30-key.yaml")
    stage.example("rotation.yaml")

    for app in ("app", "worker"):
        assert until(partial(stage.works_with, app), f"a completion of {app}") == {
            "token": stage.token(app),
            "status": 200,
            "text": EXPECTED,
        }


def test_a_mounted_secret_follows_its_key_and_no_request_is_refused(working: Stage) -> None:
    tokens = [working.token("worker")]
    for rotation in range(ROTATIONS):
        working.access.kubectl(
            "annotate", "litellmkeys/worker", "-n", TEAM, "--overwrite", f"{ANNOTATION_ROTATE}={rotation}"
        )
        until(lambda: working.token("worker") not in tokens, "a rotation")
        tokens.append(working.token("worker"))
        until(lambda: working.works_with("worker")["token"] == tokens[-1], "the Pod to have the new value")
        until(lambda: working.admin.row(tokens[-2]) is None, "the overlap to be over")
    data = '{"spec":{"secret":{"data":{"api-key":"{{ key }}","base-url":"{{ baseURL }}","who":"{{ name }}"}}}}'
    working.access.kubectl("patch", "litellmkeys/worker", "-n", TEAM, "--type=merge", "-p", data)
    until(lambda: {"files": "..data api-key base-url who"} in _without_stamps(working), "the Pod to have the new file")
    before = working.answered("worker")
    until(lambda: working.answered("worker") > before + 10, "more completions")

    assert [line["token"] for line in working.said("worker") if "token" in line] == tokens
    assert [line for line in working.said("worker") if "refused" in line] == []


def test_a_node_that_was_restarted_goes_on_with_the_same_keys(working: Stage, node: Path) -> None:
    before = working.get("litellmkey", "worker")
    ready = node / "ready"
    os.kill(1, signal.SIGHUP)
    until(lambda: not ready.exists(), "the node to go down")
    until(ready.exists, "the node to come back")
    restarted = until(lambda: _restarts(working) == 1 and working.works_with("worker"), "the Pod to work again", 150)
    assert restarted == {"token": before["status"]["tokenID"], "status": 200, "text": EXPECTED}

    # The operator is back too: it does what is asked of it, and had done nothing by itself.
    assert working.get("litellmkey", "worker")["status"]["revision"] == before["status"]["revision"]
    working.access.kubectl("annotate", "litellmkeys/worker", "-n", TEAM, f"{ANNOTATION_ROTATE}=after")
    until(
        lambda: working.works_with("worker").get("token") == working.token("worker") != restarted["token"], "a rotation"
    )


def test_a_namespace_goes_with_its_pods_and_its_keys(working: Stage) -> None:
    tokens = [row["token"] for row in working.admin.rows(f"{TEAM}/")]
    assert len(tokens) == 2
    working.access.kubectl("delete", "namespace", TEAM, "--timeout=90s")
    assert [working.admin.row(token) for token in tokens] == [None, None]
    assert working.admin.rows(f"{TEAM}/") == []


def _restarts(stage: Stage) -> int:
    return sum(status["restartCount"] for status in stage.pod("worker")["status"]["containerStatuses"])


def _without_stamps(stage: Stage) -> list[dict[str, object]]:
    """What the client said, without the names of folders that a kubelet makes for each state of a volume."""
    lines = [line for line in stage.said("worker") if "files" in line]
    return [{"files": " ".join(n for n in line["files"].split() if not n.startswith("..2"))} for line in lines]
