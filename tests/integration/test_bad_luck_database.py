"""LiteLLM's database: away, emptied, restored from a backup that is older than what was issued since."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from dev.controlplane import Access
from dev.litellm import Proxy
from tests.integration.conftest import opened
from tests.integration.site import SWEPT, Claim, Site
from tests.integration.soundness import await_sound
from tests.support.waiting import until

TABLE: Final = '"LiteLLM_VerificationToken"'
DELETED: Final = '"LiteLLM_DeletedVerificationToken"'
BOTH: Final = (TABLE, DELETED)


@pytest.fixture
def furnished(crds: Access, own_litellm: Proxy, tmp_path: Path) -> Generator[Site]:
    """A site at a LiteLLM whose database a test may change, and a role whose keys are compared all the time."""
    with opened(crds, own_litellm, tmp_path) as site:
        site.start().wait_ready()
        site.role("swept", connectionRef={"name": SWEPT})
        yield site


def sql(litellm: Proxy, *statements: str) -> str:
    return litellm.postgres.psql(litellm.database, *statements)


def ours(site: Site) -> str:
    """Which rows are those of this test: others may be using the same LiteLLM."""
    return f"key_alias like '{site.home}/%'"


def emptied(table: str, site: Site) -> str:
    return f"delete from {table} where {ours(site)}"  # noqa: S608 - names of our own


def backup(site: Site, litellm: Proxy) -> None:
    for table in BOTH:
        saved = f"select * from {table} where {ours(site)}"  # noqa: S608 - names of our own
        sql(litellm, f"drop table if exists {copy_of(table)}", f"create table {copy_of(table)} as {saved}")


def restore(site: Site, litellm: Proxy) -> None:
    for table in BOTH:
        saved = f"select * from {copy_of(table)}"  # noqa: S608 - names of our own
        sql(litellm, emptied(table, site), f"insert into {table} {saved}", f"drop table {copy_of(table)}")


def copy_of(table: str) -> str:
    return f'"backup of {table[1:]}'


def end_of(claim: Claim) -> datetime:
    return datetime.fromisoformat(claim.status["expiresAt"])


def test_a_database_that_is_away(furnished: Site, own_litellm: Proxy) -> None:
    early = furnished.claim("early", "swept").wait()
    value = early.value
    own_litellm.postgres.stop()
    try:
        early.edit(limits={"rpm": 7})
        until(lambda: furnished.connection_says(SWEPT) == ("False", "Unreachable"), "the Connection to say so")
        late = furnished.claim("late", "swept").wait("ConnectionNotReady", "ConnectionNotReady")
        early.wait("Issued", "ConnectionNotReady")
        assert early.says()[0] == ("True", "Issued")
    finally:
        own_litellm.start()
    await_sound(furnished, early, late)
    assert early.value == value
    assert early.field("rpm_limit") == 7


def test_a_table_of_keys_that_is_emptied(furnished: Site, own_litellm: Proxy) -> None:
    claims = [furnished.claim(f"lost-{n}", "swept").wait() for n in range(3)]
    endless = furnished.claim("lost-and-deleted", "swept").wait()
    before = {claim.name: (claim.value, end_of(claim)) for claim in claims}
    sql(own_litellm, emptied(TABLE, furnished))
    endless.delete()
    endless.wait_gone()
    until(lambda: all(claim.row() is not None for claim in claims), "the keys to be registered again")
    await_sound(furnished, *claims)
    for claim in claims:
        value, end = before[claim.name]
        assert claim.value == value
        assert claim.status["revision"] == 1
        # What is left of its time, and not the whole of it anew.
        assert abs(end_of(claim) - end) <= timedelta(seconds=2)


def test_a_backup_that_knows_less_and_more(furnished: Site, own_litellm: Proxy) -> None:
    known, replaced, edited = (furnished.claim(name, "swept").wait() for name in ("known", "replaced", "edited"))
    values = {claim.name: claim.value for claim in (known, replaced, edited)}
    backup(furnished, own_litellm)
    unknown = furnished.claim("unknown", "swept").wait()
    furnished.admin.delete(replaced.token_id)
    until(lambda: replaced.status["revision"] == 2, "a second value")
    edited.edit(limits={"rpm": 7})
    edited.wait()
    await_sound(furnished, known, replaced, edited, unknown)
    latest = {claim.name: claim.value for claim in (replaced, unknown)}

    restore(furnished, own_litellm)
    assert unknown.row() is None
    assert furnished.admin.row(replaced.token_id) is None
    # The value that was deleted lives again, and holds the alias of its successor.
    until(lambda: replaced.row() is not None and unknown.row() is not None, "what is missing to be registered again")
    until(lambda: edited.field("rpm_limit") == 7, "the terms to be as declared")
    await_sound(furnished, known, replaced, edited, unknown)
    assert {claim.name: claim.value for claim in (replaced, unknown)} == latest
    assert (known.value, edited.value) == (values["known"], values["edited"])
    assert furnished.admin.chat(values["replaced"]) == 401


def test_a_backup_from_before_a_rotation_comes_back_in_its_overlap(furnished: Site, own_litellm: Proxy) -> None:
    claim = furnished.claim("rotated", "swept", renewal={"overlap": "20s"}).wait()
    old = claim.value
    backup(furnished, own_litellm)
    claim.annotate(rotate="now")
    until(lambda: claim.status["revision"] == 2, "a second value")
    latest = claim.wait().value

    restore(furnished, own_litellm)
    # The old value has the alias again, and LiteLLM knows of no other.
    assert claim.row() is None
    assert claim.status["retiring"]
    until(lambda: claim.row() is not None, "what is missing to be registered again")
    await_sound(furnished, claim)
    assert claim.value == latest
    assert furnished.admin.chat(old) == 401
