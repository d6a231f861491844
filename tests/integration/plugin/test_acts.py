"""`kubectl llkey rotate` and `revoke`, and how the plugin gets to a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.faultproxy import Answer, Drop
from dev.ports import free_port
from litellm_key_operator.api.names import ANNOTATION_PAUSED
from tests.integration.plugin.kubectl import REFUSED, Kubectl, by_token, only
from tests.integration.site import KEYS, Site
from tests.support.litellm_admin import token_id
from tests.support.waiting import until


def test_a_rotation_is_waited_for(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("turning", "plain", team).wait()
    value = claim.value
    ran = member.llkey("rotate", "turning", "--wait", "-o", "json")
    assert ran.code == 0, ran.err
    item = only(ran.json["items"])
    assert (item["before"], item["revision"], item["error"]) == (1, 2, None)
    assert claim.value != value
    assert token_id(claim.value) == item["tokenID"] == claim.token_id
    assert claim.resource["metadata"]["annotations"]["llmkeys.io/rotate"] == item["asked"]


def test_a_rotation_that_is_not_waited_for_comes_all_the_same(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("unwaited", "plain", team).wait()
    ran = member.llkey("rotate", "llkey/unwaited")
    assert (ran.code, ran.out) == (0, f"{team}/unwaited: rotation of revision 1 asked for\n")
    until(lambda: claim.status["revision"] == 2, "the rotation")


def test_a_rotation_that_does_not_come_is_told_and_stands(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("late", "plain", team).wait()
    furnished.operator.sigstop()
    try:
        ran = member.llkey("rotate", "late", "--wait", "--timeout", "2s")
    finally:
        furnished.operator.sigcont()
    assert ran.code == 6
    assert "no new revision within 2 s; the request stands" in ran.err
    until(lambda: claim.status["revision"] == 2, "the rotation")


def test_a_rotation_under_way_is_not_called_done(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("halfway", "plain", team).wait()
    broken = Answer(500, b'{"error":{"message":"x","code":"500"}}')
    furnished.litellm.on("POST", "/key/generate", broken, nth=None)
    try:
        ran = member.llkey("rotate", "halfway", "--wait", "--timeout", "3s", "-o", "json")
    finally:
        furnished.litellm.clear()
    assert ran.code == 6
    item = only(ran.json["items"])
    assert (item["before"], item["revision"]) == (1, None)
    assert "the request stands (RenewalFailed: the rotation goes on later" in item["error"]
    until(lambda: claim.status["revision"] == 2, "the rotation")


def test_what_stands_in_the_way_of_one_rotation_holds_up_no_other(furnished: Site, member: Kubectl, team: str) -> None:
    furnished.claim("roleless", "not-there", team).wait("RoleNotFound", "RoleNotFound")
    furnished.claim("paused", "plain", team).wait().annotate(paused="true")
    good = furnished.claim("good", "plain", team).wait()
    ran = member.llkey("rotate", "absent", "roleless", "paused", "good", "--wait", "-o", "json")
    assert ran.code == 3
    errors = {item["name"]: item["error"] or "" for item in ran.json["items"]}
    assert list(errors) == ["absent", "roleless", "paused", "good"]
    assert errors["absent"] == f"there is no LiteLLMKey {team}/absent"
    assert errors["roleless"].startswith("has no key yet that could be replaced (RoleNotFound: ")
    assert ANNOTATION_PAUSED in errors["paused"]
    assert errors["good"] == ""
    assert good.status["revision"] == 2


def test_a_key_is_revoked_and_refused_from_then_on(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("leaked", "plain", team).wait()
    value, token = claim.value, claim.token_id
    ran = member.llkey("revoke", "leaked", "--yes", "-o", "json")
    assert ran.code == 0, ran.err
    item = only(ran.json["items"])
    assert (item["gone"], item["tokens"], item["error"]) == (True, [token], None)
    assert claim.gone
    assert furnished.admin.row(token) is None
    assert furnished.admin.chat(value) == REFUSED


def test_a_key_that_was_to_be_retained_is_revoked_all_the_same(furnished: Site, member: Kubectl, team: str) -> None:
    furnished.role("retaining", allowedNamespaces={"from": "All"}, deletionPolicy="Retain")
    claims = [
        furnished.claim("by-role", "retaining", team),
        furnished.claim("by-itself", "retaining", team, deletionPolicy="Retain"),
        furnished.claim("by-glass", "plain", team, annotations={"llmkeys.io/skip-revocation": "true"}),
    ]
    values = [claim.wait().value for claim in claims]
    ran = member.llkey("revoke", *(claim.name for claim in claims), "--yes")
    assert ran.code == 0, ran.err
    assert [furnished.admin.chat(value) for value in values] == [REFUSED] * 3


def test_without_somebody_to_ask_nothing_is_revoked(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("unasked", "plain", team).wait()
    ran = member.llkey("revoke", "unasked", stdin="y\n")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert "deletionTimestamp" not in claim.resource["metadata"]


@pytest.mark.parametrize(("answer", "code", "revoked"), [("n\n", 1, False), ("\n", 1, False), ("y\n", 0, True)])
def test_who_is_asked_decides(
    furnished: Site, member: Kubectl, team: str, answer: str, code: int, revoked: bool
) -> None:
    claim = furnished.claim(f"asked-{code}-{len(answer)}", "plain", team).wait()
    ran = member.llkey_typed("revoke", claim.name, prompt="[y/N]", keys=answer)
    assert ran.code == code, ran.out
    assert f"{team}/{claim.name}: Ready, {claim.status['keyPreview'] if not revoked else 'sk-...'}" in ran.out
    assert "Delete this Key and end every value of it now?" in ran.out
    assert claim.gone is revoked


def test_a_revocation_that_hangs_is_told_and_stands(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("hanging", "plain", team).wait()
    value = claim.value
    furnished.litellm.on("*", "/", Drop(), nth=None)
    try:
        ran = member.llkey("revoke", "hanging", "absent", "--yes", "--timeout", "5s", "-o", "json")
    finally:
        furnished.litellm.clear()
    assert ran.code == 6
    hanging, absent = ran.json["items"]
    assert hanging["gone"] is False
    assert "its deletion stands (RevocationBlocked" in hanging["error"]
    assert absent["error"] == f"there is no LiteLLMKey {team}/absent"
    claim.wait_gone()
    assert furnished.admin.chat(value) == REFUSED


def test_a_key_that_nobody_would_revoke_is_not_deleted(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("unheld", "plain", team).wait()
    furnished.operator.sigstop()
    try:
        claim.cluster.patch(KEYS, claim.name, {"metadata": {"finalizers": None}})
        ran = member.llkey("revoke", "unheld", "--yes")
    finally:
        furnished.operator.sigcont()
    assert ran.code == 1
    assert "llmkeys.io/revoke is not on it" in ran.err
    assert not claim.gone


def test_no_way_to_the_cluster_is_told_on_one_line(furnished: Site, admin: Kubectl, tmp_path: Path) -> None:
    access = furnished.access
    nowhere = f"https://127.0.0.1:{free_port()}"
    empty = tmp_path / "empty"
    empty.write_text("just a text", encoding="utf-8")
    cases = {
        ("--kubeconfig", str(tmp_path / "none")): (4, "there is no kubeconfig at"),
        ("--kubeconfig", str(empty)): (4, "is not a kubeconfig"),
        ("--context", "elsewhere"): (4, "elsewhere"),
        ("--kubeconfig", str(by_token(access, tmp_path / "bad", "default", "no-token"))): (4, "(401)"),
        ("--kubeconfig", str(by_token(access, tmp_path / "off", "default", "t", nowhere))): (5, "cannot be reached"),
    }
    for arguments, (code, said) in cases.items():
        ran = admin.llkey("tree", *arguments)
        assert (ran.code, ran.out) == (code, ""), ran
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1, ran.err


def test_the_context_says_which_namespace_is_meant(furnished: Site, member: Kubectl, team: str) -> None:
    assert member.llkey("tree", "-o", "json").json["namespace"] == team
    assert member.llkey("tree", "-o", "json", "--context", "here").json["namespace"] == team
    other = furnished.teams[1]
    assert member.llkey("tree", "-n", other).code == 4
