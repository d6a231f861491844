"""A Key is deleted: whatever else is gone or broken, no value of it is left that LiteLLM accepts."""

from __future__ import annotations

import json

import pytest

from dev.faultproxy import Drop, FaultProxy, Hold
from tests.integration.site import CONNECTIONS, DEFAULT, GOOD, KEYS, ROLES, SECRETS, Claim, Site
from tests.support.cluster import Json
from tests.support.waiting import until

FINALIZER = "llmkeys.io/revoke"


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain")
    site.claim("first", "plain").wait()
    return site


def kinds(claim: Claim) -> dict[str, str]:
    """Type of each reason that Events about it have."""
    found = claim.cluster.all("events").values()
    return {e["reason"]: e["type"] for e in found if e["involvedObject"]["name"] == claim.name}


def refused(site: Site, *values: str) -> bool:
    return {site.admin.chat(value) for value in values} == {401}


def finalizers(claim: Claim) -> list[str]:
    found: list[str] = claim.resource["metadata"].get("finalizers", [])
    return found


def blocked(site: Site, connection: str = DEFAULT) -> float:
    return site.operator.metric("litellm_key_revocation_blocked", connection=f"{site.home}/{connection}")


def owners(secret: Json | None) -> list[Json]:
    found: list[Json] = (secret or {})["metadata"].get("ownerReferences", [])
    return found


def test_what_is_gone_already_is_no_obstacle(furnished: Site) -> None:
    furnished.role("going")
    furnished.connection("going")
    furnished.role("at-going", connectionRef={"name": "going"})
    furnished.secret("own-admin", **{"master-key": furnished.admin.master_key})
    furnished.connection("closed", adminKeySecretRef={"name": "own-admin"})
    furnished.role("at-closed", connectionRef={"name": "closed"})
    secretless, roleless = furnished.claim("secretless", "plain"), furnished.claim("roleless", "going")
    connectionless, closed = furnished.claim("connectionless", "at-going"), furnished.claim("closed", "at-closed")
    claims = (secretless, roleless, connectionless, closed)
    values = [claim.wait().value for claim in claims]
    token_ids = [claim.token_id for claim in claims]

    secretless.annotate(paused="true")
    secretless.wait("Issued", "Paused")
    furnished.at().delete(SECRETS, "secretless")
    furnished.at().delete(ROLES, "going")
    furnished.at().delete(CONNECTIONS, "going")
    furnished.at().delete(SECRETS, "own-admin")
    roleless.wait("Issued", "RoleNotFound")
    connectionless.wait("Issued", "ConnectionNotReady")
    until(lambda: furnished.connection_says("closed") == ("False", "SecretNotFound"), "the credential to be missed")
    assert [furnished.admin.chat(value) for value in values] == [200] * len(values)
    for claim in claims:
        claim.delete()
    for claim in claims:
        claim.wait_gone()
        claim.wait_event("KeyRevoked")
        assert "RevocationSkipped" not in claim.events()
        assert "RevocationBlocked" not in claim.events()
        assert claim.secret() is None
    assert refused(furnished, *values)
    assert [furnished.admin.row(token_id) for token_id in token_ids] == [None] * len(values)


def test_an_unreachable_litellm_blocks_the_deletion_until_it_is_back(furnished: Site) -> None:
    claims = [furnished.claim(f"blocked-{n}", "plain").wait() for n in range(3)]
    values, token_ids = [claim.value for claim in claims], [claim.token_id for claim in claims]
    rule = furnished.litellm.on("*", "/", Drop(), nth=None)
    for claim in claims:
        claim.delete()
    for claim in claims:
        claim.wait("RevocationBlocked", "RevocationBlocked")
        assert "llmkeys.io/skip-revocation=true" in claim.message("Ready")
        claim.wait_event("RevocationBlocked")
        assert kinds(claim)["RevocationBlocked"] == "Warning"
    until(lambda: blocked(furnished) == len(claims), "the metric")
    for claim in claims:
        assert FINALIZER in finalizers(claim)
    assert [furnished.admin.chat(value) for value in values] == [200] * len(claims)
    furnished.litellm.remove(rule)
    for claim in claims:
        claim.wait_gone()
        claim.wait_event("KeyRevoked")
    assert refused(furnished, *values)
    assert [furnished.admin.row(token_id) for token_id in token_ids] == [None] * len(claims)
    until(lambda: blocked(furnished) == 0, "the metric to be over")


def test_a_key_that_is_deleted_while_it_is_issued_depends_on_no_other_connection(
    furnished: Site, proxy: FaultProxy
) -> None:
    furnished.connection("elsewhere", url=proxy.url)
    until(lambda: furnished.connection_says("elsewhere") == ("True", "Connected"), "the other connection")
    proxy.on("*", "/", Drop(), nth=None)
    rule = furnished.litellm.on("POST", "/key/generate", Hold(), where=lambda body: b'/hasty"' in body)
    claim = furnished.claim("hasty", "plain")
    rule.wait_reached()
    claim.delete()
    rule.release()
    claim.wait_gone()
    claim.wait_event("KeyRevoked")
    assert "RevocationBlocked" not in claim.events()
    assert furnished.admin.rows(f"{furnished.home}/hasty") == []
    furnished.at().delete(CONNECTIONS, "elsewhere")


def test_a_connection_that_is_gone_over_a_restart_blocks_until_it_is_back_or_nothing_lives(furnished: Site) -> None:
    furnished.connection("lost")
    furnished.role("at-lost", connectionRef={"name": "lost"})
    furnished.role("endless-at-lost", connectionRef={"name": "lost"}, ttl="Never")
    back, endless = furnished.claim("back", "at-lost"), furnished.claim("endless", "endless-at-lost")
    skipped, outlived = furnished.claim("let-go", "at-lost"), furnished.claim("outlived", "at-lost")
    claims = (back, endless, skipped, outlived)
    values = {claim.name: claim.wait().value for claim in claims}
    left = {claim.name: claim.token_id for claim in (skipped, outlived)}
    assert furnished.operator.terminate() == 0
    furnished.at().delete(CONNECTIONS, "lost")
    # As if it had been deleted long ago.
    outlived.cluster.patch(KEYS, "outlived/status", {"status": {"expiresAt": "2020-01-01T00:00:00Z"}})
    for claim in claims:
        claim.delete()
    furnished.operator.start().wait_ready()
    outlived.wait_gone()
    assert left["outlived"] in outlived.wait_event("RevocationSkipped")
    for claim in (back, endless, skipped):
        claim.wait("RevocationBlocked", "RevocationBlocked")
        assert "llmkeys.io/skip-revocation=true" in claim.message("Ready")
    assert f"waits for {back.status['expiresAt']}" in back.message("Ready")
    assert "does not end" in endless.message("Ready")
    until(lambda: blocked(furnished, "lost") == 3, "the metric")
    skipped.annotate(skip_revocation="true")
    skipped.wait_gone()
    assert left["let-go"] in skipped.wait_event("RevocationSkipped")
    assert furnished.admin.chat(values["let-go"]) == 200
    furnished.connection("lost")
    for claim in (back, endless):
        claim.wait_gone()
        assert refused(furnished, values[claim.name])
    furnished.admin.delete(*left.values())


def test_skip_revocation_releases_at_once_and_says_what_is_left(furnished: Site) -> None:
    claim = furnished.claim("skipped", "plain").wait()
    value, token_id = claim.value, claim.token_id
    claim.annotate(skip_revocation="true")
    claim.edit(limits={"rpm": 1})
    claim.wait()
    rule = furnished.litellm.on("*", "/", Drop(), nth=None)
    claim.delete()
    claim.wait_gone()
    furnished.litellm.remove(rule)
    assert token_id in claim.wait_event("RevocationSkipped")
    assert kinds(claim)["RevocationSkipped"] == "Warning"
    assert "KeyRevoked" not in claim.events()
    assert furnished.admin.chat(value) == 200
    until(lambda: claim.secret() is None, "the garbage collector")
    furnished.admin.delete(token_id)


def test_a_retained_key_and_its_secret_go_on_working(furnished: Site) -> None:
    furnished.role("retaining", deletionPolicy="Retain")
    kept, revoked = (
        furnished.claim("kept", "retaining"),
        furnished.claim("revoked", "retaining", deletionPolicy="Revoke"),
    )
    value, token_id, alias = kept.wait().value, kept.token_id, kept.status["keyAlias"]
    uid, lost = kept.resource["metadata"]["uid"], revoked.wait().value
    assert len(owners(kept.secret())) == 1
    for claim in (kept, revoked):
        claim.delete()
        claim.wait_gone()
    assert refused(furnished, lost)
    assert token_id in kept.wait_event("RevocationSkipped")
    revoked.wait_event("KeyRevoked")
    assert "KeyRevoked" not in kept.events()
    row = furnished.admin.row(token_id) or {}
    assert (row["key_alias"], row["models"]) == (f"{alias}@{uid[:8]}", ["fake-small"])
    assert row["metadata"]["llmkeys"]["retained"] is True
    assert row["metadata"]["llmkeys"]["uid"] == uid
    assert owners(kept.secret()) == []
    assert kept.value == value
    assert furnished.admin.chat(value) == 200

    second = furnished.claim("kept", "retaining").wait("SecretConflict", "SecretConflict")
    second.edit(secret={"name": "kept-anew"})
    second.wait()
    assert second.field("key_alias") == alias
    assert kept.value == value
    assert furnished.admin.chat(value) == 200
    furnished.admin.delete(token_id)


def test_a_claim_cannot_retain_what_its_role_revokes(furnished: Site) -> None:
    refused_claim = furnished.claim("no-retain", "plain", deletionPolicy="Retain").wait("InvalidSpec", "InvalidSpec")
    assert "spec.deletionPolicy: Retain" in refused_claim.message("Ready")
    assert "tokenID" not in refused_claim.status
    furnished.role("strict-later", deletionPolicy="Retain")
    claim = furnished.claim("retain-no-more", "strict-later", deletionPolicy="Retain").wait()
    value = claim.value
    furnished.edit_role("strict-later", deletionPolicy="Revoke")
    claim.wait("Issued", "InvalidSpec")
    claim.delete()
    refused_claim.delete()
    claim.wait_gone()
    refused_claim.wait_gone()
    assert refused(furnished, value)
    assert claim.secret() is None


def test_a_namespace_is_deleted_with_all_that_revocation_needs(furnished: Site) -> None:
    team = furnished.teams[2]
    furnished.secret("admin", team, **{"master-key": furnished.admin.master_key})
    furnished.connection(DEFAULT, team)
    furnished.role("local", team)
    ref = {"name": "local", "namespace": team}
    claims = [furnished.claim(f"doomed-{n}", "local", team, roleRef=ref) for n in range(4)]
    claims.append(furnished.claim("doomed-unissued", "local", team, roleRef={"name": "no-such-role"}))
    values = [claim.wait().value for claim in claims[:4]]
    token_ids = [claim.token_id for claim in claims[:4]]
    furnished.access.kubectl("delete", "namespace", team, "--wait=false")

    def still_there() -> str:
        return furnished.access.kubectl("get", "namespace", team, "--ignore-not-found", "-o", "json")

    until(lambda: not still_there(), lambda: json.dumps(furnished.at(team).all(KEYS)))
    assert refused(furnished, *values)
    assert [furnished.admin.row(token_id) for token_id in token_ids] == [None] * len(values)
    other = furnished.claim("afterwards", "plain").wait()
    assert other.says() == GOOD
