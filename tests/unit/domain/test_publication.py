import hashlib
from typing import Any

import pytest

from litellm_key_operator.api.names import LABEL_MANAGED_BY, PROGRAM
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.picture import Seen, Trace
from litellm_key_operator.domain.plan import AskSecret, Publish, Settled, Withdraw
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.publication import deliver, withdraw
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.state import Manifest, SecretSeen
from tests.unit.domain.objects import MATERIAL, NOW, ONE, issued, key, secret, want

VALUE = (found := MATERIAL.value(ONE)) and found.reveal()


def seen(*known: SecretSeen | None, record: Record | None = None, **features: Any) -> Seen:
    read = {(s.name if s else "app"): s for s in known}
    return Seen(NOW, issued() if record is None else record, secrets=read, **features)


def published(spec: dict[str, Any] | None = None, record: Record | None = None) -> Manifest:
    step = deliver(want(key(secret=spec or {})), seen(None), issued() if record is None else record)
    assert isinstance(step, Publish)
    return step.manifest


def as_seen(manifest: Manifest, **features: Any) -> SecretSeen:
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in manifest.data.items()}
    return secret(hashes=hashes, labels=manifest.labels, annotations=manifest.annotations, **features)


@pytest.mark.parametrize(
    ("preset", "data"),
    [
        ("Default", {"api-key": VALUE, "base-url": "http://litellm.test"}),
        ("OpenAI", {"OPENAI_API_KEY": VALUE, "OPENAI_BASE_URL": "http://litellm.test"}),
        ("Anthropic", {"ANTHROPIC_AUTH_TOKEN": VALUE, "ANTHROPIC_BASE_URL": "http://litellm.test"}),
        ("LiteLLM", {"LITELLM_API_KEY": VALUE, "LITELLM_API_BASE": "http://litellm.test"}),
    ],
)
def test_presets(preset: str, data: dict[str, str]) -> None:
    assert published({"preset": preset}).data == data


def test_templates_know_all_that_is_to_be_known() -> None:
    every = "{{ alias }} {{ models }} {{ teamID }} {{ expiresAt }} {{ revision }} {{ name }} {{ namespace }}"
    record = issued(applied={"models": ["a", "b"], "team_id": "t"})

    assert published({"data": {"k": "{{key}}", "all": every}}, record).data == {
        "k": VALUE,
        "all": "team-a/app a,b t 2026-01-01T13:00:00Z 1 app team-a",
    }


def test_a_template_that_comes_to_more_than_a_secret_holds_is_refused_before_it_is_put_together() -> None:
    record = issued(applied={"models": [f"{n}-{'m' * 250}" for n in range(256)]})
    data = {"key": "{{ key }}", **{f"k{n}": "{{models}}" * 800 for n in range(63)}}

    step = deliver(want(key(secret={"data": data})), seen(None, record=record), record)

    assert isinstance(step, Settled)
    assert step.ready == step.synced
    assert step.ready is not None
    assert step.ready.reason is KeyReason.SECRET_REJECTED
    assert step.ready.message.startswith("spec.secret.data: comes to ")


def test_labels_and_annotations() -> None:
    manifest = published({"labels": {"a": "b"}, "annotations": {"c": "d"}})

    assert manifest.labels == {"a": "b", LABEL_MANAGED_BY: PROGRAM, "llmkeys.io/key": "app"}
    assert manifest.annotations == {
        "c": "d",
        "llmkeys.io/revision": "1",
        "llmkeys.io/token-id": ONE.token_id[:12],
        "llmkeys.io/expires-at": "2026-01-01T13:00:00Z",
    }


def test_a_key_that_never_ends_has_no_end_in_its_secret() -> None:
    assert "llmkeys.io/expires-at" not in published(record=issued(expires_at=None)).annotations


def test_a_secret_that_is_as_declared_is_left_whatever_others_added_to_it() -> None:
    there = as_seen(published())
    there = as_seen(published(), uid=there.uid)

    assert deliver(want(), seen(there), issued()) is None
    assert deliver(want(), seen(watched=(there,)), issued()) is None


def test_absence_is_never_concluded_from_the_watch() -> None:
    assert deliver(want(), seen(), issued()) == AskSecret("app")


def test_only_a_first_issue_of_this_very_run_writes_without_a_look() -> None:
    step = deliver(want(), seen(trace={ONE.place: Trace.ANSWERED}), issued(binding=None))

    assert isinstance(step, Publish)
    assert step.over is None


@pytest.mark.parametrize("change", [{"immutable": True}, {"type": "kubernetes.io/basic-auth"}])
def test_what_cannot_be_changed_in_place_is_made_anew(change: dict[str, Any]) -> None:
    there = secret(**change)

    assert deliver(want(), seen(there), issued()) == Withdraw(there)


def test_a_strangers_secret_is_never_overwritten() -> None:
    text = "Secret team-a/app belongs to somebody else; it is never overwritten"

    step = deliver(want(), seen(secret(owner_uid="uid-other")), issued())

    assert step == Settled.all(Problem(KeyReason.SECRET_CONFLICT, text))


def test_the_secret_of_the_old_name_goes_after_that_of_the_new_one_is_there() -> None:
    claim, old = key(secret={"name": "new"}), as_seen(published())
    step = deliver(want(claim), seen(old, None), issued())
    assert step == AskSecret("new")

    step = deliver(want(claim), Seen(NOW, issued(), secrets={"app": old, "new": None}), issued())
    assert isinstance(step, Publish)

    new = as_seen(step.manifest, name="new")
    assert deliver(want(claim), seen(old, new), issued()) == Withdraw(old)


@pytest.mark.parametrize("keep", [False, True])
def test_in_the_end_each_secret_of_ours_is_removed_or_left_to_its_users(keep: bool) -> None:
    mine, other = secret(), secret(name="older")

    assert withdraw(want(), seen(watched=(mine,)), keep=keep) == AskSecret("app")
    assert withdraw(want(), seen(mine, watched=(mine, other)), keep=keep) == Withdraw(mine, keep)
    assert withdraw(want(), seen(None, watched=(other,)), keep=keep) == AskSecret("older")
    assert withdraw(want(), seen(secret(owner_uid="uid-other")), keep=keep) is None
