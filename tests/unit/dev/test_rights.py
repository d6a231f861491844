"""What is granted and what is used, compared: the comparison itself must not be blind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dev.account import Account
from dev.controlplane import audit
from dev.controlplane.audit import Use
from tests.support.rights import Grant, grants, unused

USER = "system:serviceaccount:llm:operator"


def role(kind: str, name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}, "rules": rules}


def rule(resource: str, *verbs: str, **named: list[str]) -> dict[str, Any]:
    return {"apiGroups": [""], "resources": [resource], "verbs": verbs, **named}


def account(*rights: dict[str, Any]) -> Account:
    return Account(USER, "", list(rights))


def test_a_grant_is_used_by_its_role_verb_resource_and_name_only() -> None:
    seed, any_secret = rule("secrets", "get", resourceNames=["seed"]), rule("secrets", "get", "delete")
    given = account(role("Role", "own", seed), role("Role", "theirs", any_secret), {"kind": "RoleBinding"})
    own = Grant("Role/own", "get", "", "secrets", "seed")
    theirs = {Grant("Role/theirs", verb, "", "secrets", "") for verb in ("get", "delete")}
    assert grants(given) == {own, *theirs}
    assert unused(given, []) == {own, *theirs}

    others = [
        Use("get", "", "secrets", "llm", "another", "Role/own"),
        Use("list", "", "secrets", "llm", "", "Role/theirs"),
        Use("get", "", "secrets/status", "llm", "app", "Role/theirs"),
        Use("get", "apps", "secrets", "llm", "app", "Role/theirs"),
        Use("get", "", "secrets", "llm", "seed", ""),
    ]
    assert unused(given, others) == {own, *theirs}
    assert unused(given, [Use("get", "", "secrets", "llm", "seed", "Role/own")]) == theirs
    assert unused(given, [Use("get", "", "secrets", "team", "app", "Role/theirs")]) == {own, *theirs} - {
        Grant("Role/theirs", "get", "", "secrets", "")
    }


def entry(user: str, reason: str, *, decision: str = "allow", **asked: str) -> str:
    said = {"authorization.k8s.io/decision": decision, "authorization.k8s.io/reason": reason}
    return json.dumps({"verb": "patch", "user": {"username": user}, "objectRef": asked, "annotations": said})


def test_what_the_audit_log_says_of_a_user(tmp_path: Path) -> None:
    by = 'RBAC: allowed by RoleBinding "op/team" of Role "op" to ServiceAccount "operator/llm"'
    cluster = 'RBAC: allowed by ClusterRoleBinding "op" of ClusterRole "op" to ServiceAccount "operator/llm"'
    key = {"resource": "litellmkeys", "apiGroup": "llmkeys.io", "namespace": "team", "name": "app"}
    lines = [
        entry("system:serviceaccount:llm:operator-of-another", by, **key),
        entry(USER, by, **key, subresource="status"),
        entry(USER, cluster, resource="secrets"),
        entry(USER, "", decision="forbid", **key),
        entry(USER, by, **key)[:-20],
    ]
    (tmp_path / "audit.log").write_text("\n".join(lines))
    assert audit.uses(tmp_path, USER) == [
        Use("patch", "llmkeys.io", "litellmkeys/status", "team", "app", "Role/op"),
        Use("patch", "", "secrets", "", "", "ClusterRole/op"),
        Use("patch", "llmkeys.io", "litellmkeys", "team", "app", ""),
    ]
