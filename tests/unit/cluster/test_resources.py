"""What is sent for a write: the fence, and what changed."""

from datetime import UTC, datetime
from typing import Any

from typing_extensions import override

from litellm_key_operator.api.common import Condition, ConditionStatus
from litellm_key_operator.api.key import KeyStatus, LiteLLMKey, NotedRevision
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.paths import Path
from litellm_key_operator.cluster.resources import ClusterResources

STATUS = KeyStatus(
    revision=1,
    conditions=(
        Condition(
            type="Ready",
            status=ConditionStatus.TRUE,
            reason="Issued",
            last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    ),
    pending=NotedRevision(revision=2, token_id="b", seed=1, url="http://proxy"),
    applied={"models": ["a"], "metadata": {"llmkeys": {"name": "app", "role": "r"}}},
)


class Recorder(Client):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []

    @override
    async def request(self, method: str, path: Path, **options: Any) -> dict[str, Any]:
        self.sent.append((method, str(path), options["body"]))
        return a_key().model_dump(mode="json", by_alias=True, exclude_defaults=True)


def a_key(**status: Any) -> LiteLLMKey:
    meta = {"name": "app", "namespace": "team-a", "uid": "u", "resourceVersion": "7", "finalizers": ["x/y"]}
    return LiteLLMKey.model_validate({"metadata": meta, "spec": {"roleRef": {"name": "role"}}, "status": status})


async def test_a_status_write_says_only_what_changed() -> None:
    recorder = Recorder()
    old = a_key().model_copy(update={"status": STATUS})
    changed: dict[str, Any] = {"pending": None, "revision": 2, "applied": {**(STATUS.applied or {}), "models": []}}
    await ClusterResources(recorder).write_key_status(old, STATUS.model_copy(update=changed))
    path = "/apis/llmkeys.io/v1alpha1/namespaces/team-a/litellmkeys/app/status"
    status: dict[str, Any] = {"revision": 2, "pending": None, "applied": {"models": []}}
    assert recorder.sent == [("PATCH", path, {"metadata": {"resourceVersion": "7"}, "status": status})]


async def test_finalizer_and_annotations_are_one_write() -> None:
    recorder = Recorder()
    await ClusterResources(recorder).hold(a_key(), {"llmkeys.io/installation": "i/1"})
    metadata = {
        "finalizers": ["x/y", "llmkeys.io/revoke"],
        "annotations": {"llmkeys.io/installation": "i/1"},
        "resourceVersion": "7",
    }
    path = "/apis/llmkeys.io/v1alpha1/namespaces/team-a/litellmkeys/app"
    assert recorder.sent == [("PATCH", path, {"metadata": metadata})]
