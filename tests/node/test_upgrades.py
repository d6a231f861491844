"""The release is upgraded while keys are issued."""

from __future__ import annotations

import threading
from itertools import count

from dev.node import images
from litellm_key_operator.api.names import ANNOTATION_ROTATE
from tests.node.stage import PLATFORM, RELEASE, TEAM, Stage, claim, tag
from tests.support.waiting import until

BEFORE = 5
DURING = 10
"""Keys that are made at least while the upgrade goes on."""


def test_an_upgrade_of_image_and_values_loses_no_key(stage: Stage) -> None:
    stage.install()
    stage.example("quickstart/20-role.yaml")
    names = [f"before-{number}" for number in range(BEFORE)]
    stage.apply(TEAM, *(claim(name) for name in names))
    stage.wait_ready(*names)
    secrets = {name: stage.get("secret", name)["data"] for name in names}
    tag("next")

    over = threading.Event()
    made: list[str] = []

    def issue() -> None:
        for number in count():
            if over.is_set() and number >= DURING:
                return
            stage.apply(TEAM, claim(f"during-{number}"))
            made.append(f"during-{number}")

    issuing = threading.Thread(target=issue)
    issuing.start()
    try:
        image = {"repository": images.OPERATOR, "tag": "next", "pullPolicy": "Never"}
        stage.install(image=image, replicaCount=2, workers=16, log={"level": "debug"})
    finally:
        over.set()
        issuing.join()
    stage.wait_ready(*names, *made)

    deployment = stage.get("deployment", RELEASE, PLATFORM)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(":next")
    assert "--workers=16" in container["args"]
    assert deployment["status"]["readyReplicas"] == 2
    assert {name: stage.get("secret", name)["data"] for name in names} == secrets
    keys = stage.all("litellmkeys")
    assert {key["metadata"]["name"] for key in keys} == {*names, *made}
    assert {key["status"]["revision"] for key in keys} == {1}
    assert {row["token"] for row in stage.admin.rows(f"{TEAM}/")} == {key["status"]["tokenID"] for key in keys}

    # The new operator is the same installation as the old: it goes on with what that began.
    stage.access.kubectl("annotate", f"litellmkeys/{names[0]}", "-n", TEAM, f"{ANNOTATION_ROTATE}=after")
    until(lambda: stage.get("litellmkey", names[0])["status"]["revision"] == 2, "a rotation")
    assert stage.get("secret", names[0])["data"] != secrets[names[0]]
