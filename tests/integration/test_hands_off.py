"""What the operator keeps its hands off, and what nobody else can take out of its hands."""

from __future__ import annotations

import pytest

from tests.integration.site import KEYS, SECRETS, Claim, Site, encoded
from tests.support.waiting import until

FINALIZER = "llmkeys.io/revoke"
RATE = 100


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain", limits={"rpm": RATE})
    site.claim("first", "plain").wait()
    return site


def finalizers(claim: Claim) -> list[str]:
    found: list[str] = claim.resource["metadata"].get("finalizers", [])
    return found


def test_a_paused_key_is_only_tightened_and_deleted(furnished: Site) -> None:
    furnished.role("pausing", limits={"rpm": RATE, "tpm": 1000})
    claim = furnished.claim("pause", "pausing").wait()
    claim.annotate(paused="true")
    value = claim.wait("Issued", "Paused").value
    claim.cluster.patch(SECRETS, "pause", {"data": {"api-key": encoded("edited")}})
    claim.edit(metadata={"a": "b"})
    furnished.edit_role("pausing", limits={"rpm": 50, "tpm": 5000})
    until(lambda: claim.field("rpm_limit") == 50, "the role's tightening")
    claim.wait("Issued", "Paused")
    row = claim.row() or {}
    assert row["tpm_limit"] == 1000
    assert "labels" not in row["metadata"]["llmkeys"]
    assert claim.value == "edited"

    claim.annotate(paused=None)
    claim.wait()
    until(lambda: claim.value == value, "the Secret to be restored")
    row = claim.row() or {}
    assert (row["rpm_limit"], row["tpm_limit"]) == (50, 5000)
    assert row["metadata"]["llmkeys"]["labels"] == {"a": "b"}
    claim.annotate(paused="true")
    claim.wait("Issued", "Paused").delete()
    claim.wait_gone()
    assert furnished.admin.chat(value) == 401


def test_another_installations_key_is_nobodys_business_here(furnished: Site) -> None:
    theirs = "somebody-else/1"
    born = furnished.claim("born-foreign", "plain", annotations={"llmkeys.io/installation": theirs})
    claim = furnished.claim("foreign", "plain").wait()
    value, token_id = claim.value, claim.token_id
    claim.annotate(installation=theirs)
    claim.edit(limits={"rpm": 1})
    claim.wait("Issued", "ForeignInstallation")
    born.wait("ForeignInstallation", "ForeignInstallation")
    assert "somebody-else" in claim.message("Synced")
    furnished.at().delete(SECRETS, "foreign")
    claim.edit(limits={"rpm": 2})
    claim.wait("Issued", "ForeignInstallation")
    assert (claim.field("rpm_limit"), claim.secret()) == (RATE, None)
    assert finalizers(born) == []
    assert "tokenID" not in born.status
    claim.delete()
    born.delete()
    born.wait_gone()
    claim.wait("Issued", "ForeignInstallation")
    assert FINALIZER in finalizers(claim)
    assert furnished.admin.chat(value) == 200
    claim.annotate(skip_revocation="true")
    claim.wait_gone()
    assert token_id in claim.wait_event("RevocationSkipped")
    assert furnished.admin.chat(value) == 200
    furnished.admin.delete(token_id)


def test_a_finalizer_that_was_taken_off_is_put_back(furnished: Site) -> None:
    claim = furnished.claim("stripped", "plain").wait()
    value, before = claim.value, claim.status
    generated = furnished.litellm.count("POST", "/key/generate")
    claim.cluster.patch(KEYS, "stripped", {"metadata": {"finalizers": None}})
    until(lambda: FINALIZER in finalizers(claim), "the finalizer")
    claim.edit(limits={"rpm": 1})
    claim.wait()
    kept = ("revision", "tokenID", "seed", "issuedAt", "expiresAt", "keyAlias", "connection", "binding")
    assert {name: claim.status[name] for name in kept} == {name: before[name] for name in kept}
    assert claim.value == value
    assert furnished.litellm.count("POST", "/key/generate") == generated
    claim.delete()
    claim.wait_gone()
    assert furnished.admin.chat(value) == 401
