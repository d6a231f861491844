"""Who may use a Role, and whom a change reaches."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from tests.integration.site import CONNECTIONS, KEYS, ROLES, Claim, Site
from tests.support.litellm_admin import SMALL
from tests.support.waiting import until

STILL = 0.6
"""Seconds without a run after which none is on its way."""


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain", allowedNamespaces={"from": "All"})
    site.claim("first", "plain").wait()
    return site


def label(site: Site, namespace: str, text: str) -> None:
    site.access.kubectl("label", "namespace", namespace, text, "--overwrite")


CONSENTS: dict[str, tuple[dict[str, Any], bool]] = {
    "same": ({"from": "Same"}, False),
    "all": ({"from": "All"}, True),
    "named": ({"from": "Names", "names": ["TEAM"]}, True),
    "not-named": ({"from": "Names", "names": ["somebody-else"]}, False),
    "selected": ({"from": "Selector", "selector": {"matchLabels": {"llm": "yes"}}}, True),
    "not-selected": ({"from": "Selector", "selector": {"matchLabels": {"llm": "no"}}}, False),
    "expression": (
        {"from": "Selector", "selector": {"matchExpressions": [{"key": "llm", "operator": "In", "values": ["yes"]}]}},
        True,
    ),
}


@pytest.mark.parametrize("name", CONSENTS)
def test_a_role_admits_the_namespaces_it_says(furnished: Site, name: str) -> None:
    allowed, admitted = CONSENTS[name]
    team = furnished.teams[0]
    label(furnished, team, "llm=yes")
    if allowed.get("names") == ["TEAM"]:
        allowed = {**allowed, "names": [team]}
    furnished.role(f"to-{name}", allowedNamespaces=allowed)
    claim = furnished.claim(f"to-{name}", f"to-{name}", team)
    if admitted:
        claim.wait()
    else:
        claim.wait("NamespaceNotAllowed", "NamespaceNotAllowed")
        assert claim.secret() is None
        assert team in claim.message("Ready")
    furnished.claim(f"home-{name}", f"to-{name}").wait()


def works_on(site: Site, claim: Claim, why: str) -> None:
    """The key works and only Synced says why nothing more is done for it."""
    until(lambda: claim.says() == (("True", "Issued"), ("False", why)), lambda: f"{why}, not {claim.says()}")
    assert site.admin.chat(claim.value) == 200


def test_a_label_opens_a_role_and_closes_it(furnished: Site) -> None:
    team = furnished.teams[1]
    selector = {"matchLabels": {"opens": "yes"}}
    furnished.role("labelled", allowedNamespaces={"from": "Selector", "selector": selector}, limits={"rpm": 10})
    claim = furnished.claim("labelled", "labelled", team).wait("NamespaceNotAllowed", "NamespaceNotAllowed")
    label(furnished, team, "opens=yes")
    claim.wait()
    label(furnished, team, "opens=no")
    works_on(furnished, claim, "NamespaceNotAllowed")
    furnished.edit_role("labelled", limits={"rpm": 20})
    label(furnished, team, "opens=yes")
    claim.wait()
    assert claim.field("rpm_limit") == 20


def test_withdrawn_consent_leaves_the_key_to_its_ttl(furnished: Site) -> None:
    furnished.role("withdrawn", allowedNamespaces={"from": "All"})
    claim = furnished.claim("withdrawn", "withdrawn", furnished.teams[1]).wait()
    furnished.edit_role("withdrawn", allowedNamespaces={"from": "Same"})
    works_on(furnished, claim, "NamespaceNotAllowed")
    furnished.edit_role("withdrawn", limits={"rpm": 1})
    until(lambda: says(furnished, "withdrawn")["Ready"][1] == "Available", "the role to be looked at")
    works_on(furnished, claim, "NamespaceNotAllowed")
    assert claim.field("rpm_limit") is None
    furnished.edit_role("withdrawn", allowedNamespaces={"from": "All"})
    claim.wait()
    assert claim.field("rpm_limit") == 1


def test_a_role_that_goes_and_comes_back(furnished: Site) -> None:
    furnished.role("going")
    claim = furnished.claim("stays", "going").wait()
    furnished.at().delete(ROLES, "going")
    works_on(furnished, claim, "RoleNotFound")
    furnished.role("going", limits={"rpm": 5})
    claim.wait()
    assert claim.field("rpm_limit") == 5


class Runs:
    """Counts the runs over Keys from its making on."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._before = self._still()

    def __int__(self) -> int:
        """How many there were, once there are no more."""
        return int(self._still() - self._before)

    def _still(self) -> float:
        # What our own writes set off comes back by the watches a moment later.
        def now() -> float:
            return self._site.operator.metric("litellm_key_reconcile_total", kind="key")

        count, since = now(), time.monotonic()
        while time.monotonic() - since < STILL:
            time.sleep(STILL / 10)
            if now() != count:
                count, since = now(), time.monotonic()
        return count


def test_a_change_of_a_role_reaches_its_keys_and_no_others(furnished: Site) -> None:
    furnished.role("concerned")
    concerned = [furnished.claim(f"concerned-{n}", "concerned").wait() for n in range(3)]
    bystanders = [furnished.claim(f"bystander-{n}", "plain").wait() for n in range(6)]
    before = [claim.resource["metadata"]["resourceVersion"] for claim in bystanders]
    runs, updates = Runs(furnished), furnished.litellm.count("POST", "/key/update")
    furnished.edit_role("concerned", limits={"rpm": 77})
    until(lambda: all(claim.status["applied"].get("rpm_limit") == 77 for claim in concerned), "the change")
    assert [claim.field("rpm_limit") for claim in concerned] == [77] * len(concerned)
    assert furnished.litellm.count("POST", "/key/update") - updates == len(concerned)
    assert [claim.resource["metadata"]["resourceVersion"] for claim in bystanders] == before
    # Twice is allowed: through the proxy a watch may tell of a write before its answer comes.
    assert len(concerned) <= int(runs) <= 2 * len(concerned)


def test_a_change_of_consent_reaches_the_keys_of_that_role_and_no_others(furnished: Site) -> None:
    team = furnished.teams[2]
    furnished.role("consenting", allowedNamespaces={"from": "All"})
    claim = furnished.claim("consented", "consenting", team).wait()
    _ = [furnished.claim(f"unconcerned-{n}", "plain", team).wait() for n in range(2)]
    runs = Runs(furnished)
    furnished.edit_role("consenting", allowedNamespaces={"from": "Names", "names": ["somebody-else"]})
    works_on(furnished, claim, "NamespaceNotAllowed")
    # Again for what was written, perhaps.
    assert int(runs) in {1, 2}


def test_a_change_of_labels_reaches_the_claims_of_that_namespace_on_roles_elsewhere(furnished: Site) -> None:
    team = furnished.teams[2]
    furnished.role("own", team, connectionRef={"name": "absent"})
    own = {"roleRef": {"name": "own"}}
    furnished.at(team).create(KEYS, "LiteLLMKey", "own-role", spec=own)
    furnished.claim("foreign-role", "plain", team).wait()
    furnished.claim("other-team", "plain", furnished.teams[1]).wait()
    here = [one for one in furnished.at(team).all(KEYS).values() if one["spec"]["roleRef"] != own["roleRef"]]
    runs = Runs(furnished)
    label(furnished, team, "colour=red")
    until(lambda: int(runs) > 0, "the claims to be looked at")
    # All are content, so that nothing is written that could come back.
    assert int(runs) == len(here)


def test_another_public_url_reaches_the_secrets_of_that_connection(furnished: Site) -> None:
    furnished.connection("public")
    furnished.role("public", connectionRef={"name": "public"})
    claim, other = furnished.claim("public", "public").wait(), furnished.claim("private", "plain").wait()
    before, runs = other.secret(), Runs(furnished)
    furnished.at().patch(CONNECTIONS, "public", {"spec": {"publicURL": "https://llm.example.com"}})
    until(lambda: claim.data()["base-url"] == "https://llm.example.com", "the address in the Secret")
    assert other.secret() == before
    # Once for the address, once because the Secret came back by the watch.
    assert int(runs) <= 2


def says(site: Site, role: str) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of a Role's conditions."""
    found = (site.at().get(ROLES, role) or {}).get("status", {}).get("conditions", ())
    return {c["type"]: (c["status"], c["reason"], c["message"]) for c in found}


def test_a_role_counts_its_keys_and_resolves_its_models(furnished: Site) -> None:
    furnished.role("counted", models=[SMALL], allowedNamespaces={"from": "All"}, ttl="30m")
    furnished.claim("counted", "counted").wait()
    refused = furnished.claim("refused", "counted", furnished.teams[0], ttl="2h").wait("InvalidSpec", "InvalidSpec")

    def counts() -> tuple[int, int]:
        status = (furnished.at().get(ROLES, "counted") or {})["status"]
        return status.get("keys", 0), status.get("keysReady", 0)

    until(lambda: counts() == (2, 1), "both keys to be counted")
    said = says(furnished, "counted")
    assert (said["Ready"][:2], said["ModelsResolved"][:2]) == (("True", "Available"), ("True", "Resolved"))
    refused.delete()
    until(lambda: counts() == (1, 1), "the count to go down")
    furnished.edit_role("counted", models=[SMALL, "no-such-model"])
    until(lambda: says(furnished, "counted")["ModelsResolved"][:2] == ("False", "UnknownModels"), "the unknown one")
    assert "no-such-model" in says(furnished, "counted")["ModelsResolved"][2]
    furnished.edit_role("counted", models=["all-proxy-models"])
    until(lambda: says(furnished, "counted")["ModelsResolved"][1] == "Resolved", "a word for all models")


def test_a_team_that_is_made_later_is_found_without_a_change_of_the_role(furnished: Site) -> None:
    team = f"late-{secrets.token_hex(4)}"
    furnished.role("late-team", identity={"teamID": team})
    early = furnished.claim("early", "late-team").wait("RoleNotReady", "RoleNotReady")
    assert team in early.message("Ready")
    until(lambda: "Ready" in says(furnished, "late-team"), "the role to say how it stands")
    status, reason, message = says(furnished, "late-team")["Ready"]
    assert (status, reason) == ("False", "InvalidSpec")
    assert message.startswith("spec.identity.teamID: ")
    assert team in message
    furnished.admin.post("/team/new", team_id=team)
    # The role is looked at once a minute, and soon when a key of it comes.
    claims = [early, furnished.claim("late", "late-team")]
    for claim in claims:
        claim.wait(seconds=90)
        assert claim.field("team_id") == team
    until(lambda: says(furnished, "late-team")["Ready"][1] == "Available", "the role to be available")
