"""What a Key takes in memory: an operator keeps all of them."""

from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any

from litellm_key_operator.api.key import KeySpec, LiteLLMKey, RoleRef

MANY = 200
MOST = 4 * 1024
"""Bytes of one Key. It would be more with a set of given fields for every part, or a spec and texts for every Key."""
WHEN = "2026-11-26T07:23:02Z"


def body(number: int) -> dict[str, Any]:
    """A settled Key as it is watched; made of text, so that no part is shared with another."""
    conditions = [
        {"type": kind, "status": "True", "reason": "Issued", "lastTransitionTime": WHEN, "observedGeneration": 1}
        for kind in ("Ready", "Synced")
    ]
    name, uid = f"app-{number}", f"87c562a5-84d1-4769-9827-{number:012}"
    mark = {"installation": "26fbacf22ae30373", "name": name, "namespace": "team-a", "role": "llm/chat", "uid": uid}
    applied = {"duration": "720h", "key_alias": f"team-a/{name}", "metadata": {"llmkeys": mark}, "models": ["small"]}
    status = {
        "conditions": conditions,
        "observedGeneration": 1,
        "revision": 1,
        "tokenID": f"{number:064}",
        "seed": 1,
        "keyAlias": f"team-a/{name}",
        "keyPreview": "sk-...abcd",
        "issuedAt": WHEN,
        "expiresAt": WHEN,
        "renewAt": WHEN,
        "binding": {"name": name},
        "connection": {"namespace": "llm", "name": "default", "url": "http://litellm.llm:4000"},
        "applied": applied,
    }
    metadata = {"name": name, "namespace": "team-a", "uid": uid, "resourceVersion": str(number), "generation": 1}
    whole = {"metadata": metadata, "spec": {"roleRef": {"name": "chat", "namespace": "llm"}}, "status": status}
    return json.loads(json.dumps(whole))  # type: ignore[no-any-return]


def test_a_key_takes_little_room() -> None:
    LiteLLMKey.model_validate(body(MANY))
    gc.collect()
    tracemalloc.start()
    try:
        keys = [LiteLLMKey.model_validate(body(number)) for number in range(MANY)]
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(keys) < MOST


def test_what_is_read_alike_is_kept_once_and_what_is_not_is_not() -> None:
    one, other = (LiteLLMKey.model_validate(body(number)) for number in range(2))
    assert one.spec is other.spec
    assert one.status.connection is other.status.connection
    made = KeySpec(role_ref=RoleRef(name="chat", namespace="llm"))
    assert made == one.spec
    assert made is not one.spec
    named = {**body(3), "spec": {"roleRef": RoleRef(name="chat", namespace="llm")}}
    assert LiteLLMKey.model_validate(named).spec == one.spec
    changed = body(4)
    changed["spec"]["limits"] = {"rpm": 1}
    assert LiteLLMKey.model_validate(changed).spec.limits.rpm == 1
    assert one.spec.limits.rpm is None
