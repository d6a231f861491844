"""`kubectl llkey tree`, `verify` and `find`: by the real kubectl, as an administrator and as a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from dev.faultproxy import Drop, before_litellm
from dev.litellm import Endpoint
from dev.ports import free_port
from tests.integration.plugin.kubectl import REFUSED, Kubectl, Ran, node, only
from tests.integration.site import DEFAULT, Claim, Site
from tests.support.waiting import until

NOBODYS = "litellm-of-another-cluster-" + "0" * 20


def test_an_administrator_sees_what_hangs_on_what(furnished: Site, admin: Kubectl, team: str) -> None:
    claim = Claim(furnished, furnished.at(team), "standing")
    ran = admin.llkey("tree", "-A", "-o", "json")
    assert ran.code == 0, ran.err
    assert (ran.json["namespace"], ran.json["unread"]) == (None, [])
    connection = node(ran.json["connections"], furnished.home, DEFAULT)
    assert (connection["found"], connection["state"], connection["url"]) == ("Read", "Ready", furnished.litellm.url)
    role = node(connection["roles"], furnished.home, "plain")
    key = node(role["keys"], team, "standing")
    assert (key["state"], key["synced"], key["secret"]) == ("Ready", "UpToDate", "standing")
    status = claim.status
    for shown, noted in {
        "revision": "revision",
        "tokenID": "tokenID",
        "expiresAt": "expiresAt",
        "renewAt": "renewAt",
    }.items():
        assert key[shown] == status[noted]


def test_the_tree_is_readable_without_a_terminal(furnished: Site, admin: Kubectl, team: str) -> None:
    ran = admin.llkey("-n", team, "tree")
    assert ran.code == 0, ran.err
    header, connection, role, key, *_ = ran.out.splitlines()
    assert header.split("  ")[0] == "CONNECTION / ROLE / KEY"
    assert connection.startswith(f"{furnished.home}/{DEFAULT} ")
    assert f"{furnished.home}/plain " in role
    assert f"{team}/standing " in key
    assert " in 59m" in key or " in 1h" in key
    assert "\x1b" not in ran.out


def test_a_terminal_gets_colours_unless_it_does_not_want_them(admin: Kubectl, team: str) -> None:
    assert "\x1b[" in admin.llkey_typed("tree", "-n", team).out
    plain = Kubectl(admin.access, admin.kubeconfig, {"NO_COLOR": "1"})
    shown = plain.llkey_typed("tree", "-n", team).out
    assert "standing" in shown
    assert "\x1b[" not in shown


def test_a_reader_that_goes_away_and_a_terminal_without_branches_are_no_errors(admin: Kubectl, team: str) -> None:
    assert admin.llkey_unread("tree", "-n", team) == Ran(130, "", "")
    poor = Kubectl(admin.access, admin.kubeconfig, {"PYTHONIOENCODING": "ascii"})
    ran = poor.llkey("tree", "-n", team)
    assert (ran.code, ran.err) == (0, "")
    assert f"?? {team}/standing" in ran.out


def test_a_tenant_sees_the_own_keys_and_hears_what_cannot_be_read(furnished: Site, member: Kubectl, team: str) -> None:
    ran = member.llkey("tree", "-o", "json")
    assert ran.code == 0, ran.err
    assert ran.json["namespace"] == team
    connection = node(ran.json["connections"], furnished.home, DEFAULT)
    assert (connection["found"], connection["url"]) == ("Forbidden", furnished.litellm.url)
    role = node(connection["roles"], furnished.home, "plain")
    assert role["found"] == "Forbidden"
    assert node(role["keys"], team, "standing")["state"] == "Ready"
    assert f"you may not read LiteLLMRole {furnished.home}/plain" in ran.json["unread"]
    text = member.llkey("tree")
    assert text.code == 0
    assert "(you may not read it)" in text.out
    assert f"you may not read LiteLLMRole {furnished.home}/plain" in text.err


def test_a_tenant_who_asks_for_all_namespaces_is_told_what_is_possible(member: Kubectl) -> None:
    ran = member.llkey("tree", "-A")
    assert (ran.code, ran.out) == (4, "")
    assert "without -A one namespace is enough" in ran.err


def test_the_tree_shows_what_is_wrong(furnished: Site, admin: Kubectl) -> None:
    home = furnished.teams[2]
    furnished.claim("roleless", "not-there", home).wait("RoleNotFound", "RoleNotFound")
    ran = admin.llkey("tree", "-n", home, "-o", "json")
    connection = only(ran.json["connections"])
    assert (connection["name"], connection["found"]) == (None, "Unknown")
    role = only(connection["roles"])
    assert (role["name"], role["found"]) == ("not-there", "Absent")
    key = only(role["keys"])
    assert (key["state"], key["revision"], key["expiresAt"]) == ("RoleNotFound", None, None)
    assert "not-there" in key["message"]
    assert "does not exist" in admin.llkey("tree", "-n", home).out


def test_a_key_for_models_only_is_verified_as_what_the_status_says(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("models-only", "plain", team).wait()
    ran = member.llkey("verify", "models-only", "-o", "json")
    assert ran.code == 0, ran.err
    item = only(ran.json["items"])
    assert (item["works"], item["verdict"], item["toldBy"], item["current"]) == (True, "Accepted", "Status", True)
    assert (item["tokenID"], item["revision"], item["entry"]) == (claim.token_id, 1, "api-key")
    assert (item["alias"], item["expiresAt"]) == (f"{team}/models-only", claim.status["expiresAt"])
    assert item["models"] == ["fake-small"]


def test_a_key_that_may_ask_is_verified_as_what_litellm_says(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("asking", "open", team, secret={"preset": "OpenAI"}).wait()
    furnished.admin.update(claim.token_id, spend=1.5)
    ran = member.llkey("verify", "asking", "-o", "json")
    item = only(ran.json["items"])
    assert (ran.code, item["toldBy"], item["entry"]) == (0, "LiteLLM", "OPENAI_API_KEY")
    assert (item["spend"], item["maxBudget"], item["alias"]) == (1.5, 5, f"{team}/asking")
    assert item["expiresAt"] == claim.status["expiresAt"]
    text = member.llkey("verify", "asking").out
    assert "yes" in text
    assert "spent 1.5 of 5 USD" in text


def spend_all(site: Site, claim: Claim) -> None:
    site.admin.update(claim.token_id, spend=100.0)


def block(site: Site, claim: Claim) -> None:
    site.admin.update(claim.token_id, blocked=True)


def delete(site: Site, claim: Claim) -> None:
    site.admin.delete(claim.token_id)


@pytest.mark.parametrize(
    ("damage", "verdict"), [(spend_all, "OverBudget"), (block, "Blocked"), (delete, "NotKnown")], ids=str
)
def test_a_key_that_litellm_refuses_is_told_with_the_reason(
    furnished: Site, member: Kubectl, team: str, damage: Any, verdict: str
) -> None:
    claim = furnished.claim(f"damaged-{verdict.lower()}", "open", team).wait()
    furnished.operator.sigstop()
    try:
        damage(furnished, claim)
        until(lambda: furnished.admin.chat(claim.value) != 200, "LiteLLM to refuse it")
        ran = member.llkey("verify", claim.name, "-o", "json")
    finally:
        furnished.operator.sigcont()
    item = only(ran.json["items"])
    assert (ran.code, item["works"], item["verdict"]) == (1, False, verdict)


def test_a_key_whose_time_is_over_is_told_as_such(furnished: Site, member: Kubectl, team: str) -> None:
    claim = furnished.claim("short", "plain", team, ttl="6s", renewal={"policy": "None"}).wait()
    furnished.operator.sigstop()
    try:
        until(lambda: furnished.admin.chat(claim.value) == REFUSED, "LiteLLM to refuse it")
        ran = member.llkey("verify", "short", "standing", "-o", "json")
    finally:
        furnished.operator.sigcont()
    assert ran.code == 1
    assert [item["verdict"] for item in ran.json["items"]] == ["Expired", "Accepted"]
    claim.wait("Expired", "Expired")
    after = member.llkey("verify", "short", "-o", "json")
    assert (after.code, only(after.json["items"])["verdict"]) == (3, "NoSecret")


def test_nobody_knows_of_a_key_whose_proxy_does_not_answer(furnished: Site, member: Kubectl) -> None:
    ran = member.llkey("verify", "standing", "--url", f"http://127.0.0.1:{free_port()}", "-o", "json")
    item = only(ran.json["items"])
    assert (ran.code, item["works"], item["verdict"]) == (5, None, "Unreachable")
    furnished.litellm.on("*", "/", Drop(), nth=None)
    try:
        assert "forward a port and name it by --url" in member.llkey("verify", "standing").out
    finally:
        furnished.litellm.clear()


def test_a_secret_of_somebody_else_is_sent_nowhere(
    furnished: Site, member: Kubectl, team: str, litellm: Endpoint
) -> None:
    furnished.secret("taken", team, **{"api-key": "sk-" + "x" * 30})
    furnished.claim("taken", "plain", team).wait("SecretConflict", "SecretConflict")
    with before_litellm(litellm) as proxy:
        assert member.llkey("verify", "standing", "--url", proxy.url).code == 0
        assert [(sent.method, sent.target) for sent in proxy.requests()] == [
            ("GET", "/v1/models"),
            ("GET", "/key/info"),
        ]
        ran = member.llkey("verify", "taken", "--url", proxy.url, "-o", "json")
        assert (ran.code, only(ran.json["items"])["verdict"]) == (3, "NoSecret")
        assert len(proxy.requests()) == 2


def test_a_secret_that_may_not_be_read_is_told(furnished: Site, member: Kubectl) -> None:
    ran = member.llkey("verify", "standing", "-n", furnished.teams[1], "-o", "json")
    assert ran.code == 4
    assert "cannot get resource" in only(ran.json["items"])["message"]


def test_the_owner_of_a_hash_is_found(furnished: Site, admin: Kubectl, team: str) -> None:
    claim = furnished.claim("sought", "plain", team).wait()
    for asked in (claim.token_id, claim.token_id[:12], claim.token_id.upper()):
        ran = admin.llkey("find", asked, "-o", "json")
        assert ran.code == 0, ran.err
        match = only(ran.json["matches"])
        assert (match["standing"], match["revision"], match["tokenID"]) == ("Current", 1, claim.token_id)
        assert (match["key"]["namespace"], match["key"]["name"]) == (team, "sought")
    assert f"{team}/sought" in admin.llkey("find", claim.token_id).out


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_the_owner_of_a_value_on_stdin_is_found(
    furnished: Site, member: Kubectl, team: str, arguments: tuple[str, ...]
) -> None:
    claim = Claim(furnished, furnished.at(team), "standing")
    ran = member.llkey("find", *arguments, "-o", "json", stdin=claim.value + "\n")
    assert ran.code == 0, ran.err
    assert only(ran.json["matches"])["key"]["name"] == "standing"
    assert ran.json["namespace"] == team
    assert f"looked into {team} only" in only(ran.json["unread"])


def test_a_value_typed_at_a_terminal_is_not_shown(furnished: Site, admin: Kubectl, team: str) -> None:
    claim = Claim(furnished, furnished.at(team), "standing")
    ran = admin.llkey_typed("find", "-n", team, prompt="not shown", keys=claim.value + "\n")
    assert ran.code == 0
    assert "not shown" in ran.out
    assert f"{team}/standing" in ran.out


def test_a_value_that_retires_is_found_as_such(furnished: Site, admin: Kubectl, team: str) -> None:
    claim = furnished.claim("retiring", "plain", team).wait()
    value = claim.value
    assert admin.llkey("rotate", "retiring", "-n", team, "--wait").code == 0
    match = only(admin.llkey("find", "-o", "json", stdin=value).json["matches"])
    assert (match["standing"], match["revision"]) == ("Retiring", 1)
    assert match["retireAt"] == claim.status["retiring"][0]["retireAt"]


def test_nobody_is_found_for_what_nobody_has(admin: Kubectl) -> None:
    ran = admin.llkey("find", "-o", "json", stdin=NOBODYS)
    assert (ran.code, ran.json["matches"]) == (1, [])


def test_a_value_as_an_argument_is_refused_and_not_repeated(furnished: Site, admin: Kubectl, team: str) -> None:
    value = Claim(furnished, furnished.at(team), "standing").value
    for arguments in (
        ("find", value),
        ("find", "0" * 64, value),
        ("verify", value),
        (value,),
        ("rotate", f"--{value}"),
    ):
        ran = admin.llkey(*arguments)
        assert (ran.code, ran.out) == (2, ""), ran
