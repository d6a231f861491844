"""An empty status under our finalizer: a process died in the first issue, or somebody cleared the status.

Values are derived, so LiteLLM can be asked for each that may ever have been: the revisions up to eight past the highest
that it knows, under every seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from litellm_key_operator.domain.ending import blank
from litellm_key_operator.domain.picture import Seen, Want, first
from litellm_key_operator.domain.plan import Ask, AskSecret, Note, Settled
from litellm_key_operator.domain.record import Proxy, Record
from litellm_key_operator.domain.state import Life, Revision, Row

REACH = 8
"""How many revisions in a row LiteLLM must not know before the search ends."""


def recover(want: Want, seen: Seen) -> Revision | Ask | AskSecret | Note | Settled:
    """Revision 1, if this process noted it just now; else what finds out which revisions there are, and notes them."""
    if want.proxy is None:
        return Settled.all(want.problem)
    one = under_way(want, seen)
    if one is not None and seen.life(one) not in (Life.EXPIRED, Life.DELETED, Life.BURIED):
        return one  # dead means that the status was cleared after all, and this process outlived that
    one = first(want, want.proxy.url)
    known = survey(want, seen)
    if isinstance(known, Ask):
        return known
    here = [revision for revision in known if revision.url == want.proxy.url and not blank(seen, revision)]
    newest = here[-1] if here else one
    row = seen.rows.get(newest.place)
    timed_out = row is not None and row.deleted_at is None and row.expires is not None and row.expires <= seen.now
    if timed_out and want.secret_name not in seen.secrets:
        return AskSecret(want.secret_name)
    serves = seen.life(newest) in (Life.LIVE, Life.BLOCKED)
    # Whoever emptied the status may have done it with another on its way: the next one or, if the last one serves, any
    # after it (of some there is but a tombstone), or the same under another seed or to another proxy.
    latest = known[-1].number if known else 0
    numbers = range(newest.number - 1, latest + 1) if serves else (latest,)
    coming = [revision for number in numbers for revision in following(want, number)]
    if row is not None and (row.outlived or (timed_out and _published(want, seen, newest))):
        # It ended as it should: reported as issued, so that it expires instead of being issued anew.
        ended = replace(seen.record, current=newest.in_doubt(), expires_at=_end(row, seen.now), alias=row.alias)
        return Note(_retired(seen, ended, [*known, *coming], newest, want.proxy))
    if not serves:
        newest = one if one in coming else coming[0]
    pending = replace(seen.record, pending=newest.in_doubt())
    return Note(_retired(seen, pending, [*known, *coming], newest, want.proxy))


def under_way(want: Want, seen: Seen) -> Revision | None:
    """Revision 1, if this process noted it just now: there was nothing before it, and there is nothing elsewhere."""
    if want.proxy is None:
        return None
    one = first(want, want.proxy.url)
    return one if one.place in seen.trace else None


def following(want: Want, number: int) -> list[Revision]:
    """The revisions after this number: in each proxy in question one under each seed, the newest seed first."""
    seeds = sorted(want.material.keyring.seeds, reverse=True)
    return [want.material.revision(number + 1, url, seed=seed) for url in want.proxies for seed in seeds]


def _retired(seen: Seen, record: Record, others: Iterable[Revision], kept: Revision, proxy: Proxy) -> Record:
    """The record at this proxy, with an end for all the others that were, or may come to be, registered."""
    for revision in others:
        if revision.place != kept.place and seen.life(revision) is not Life.BURIED:
            record = record.retire(revision.in_doubt(), seen.now)
    return replace(record, proxy=proxy)


def survey(want: Want, seen: Seen) -> list[Revision] | Ask:
    """The revisions that the proxies in question know or knew, oldest first; or whom to ask for next."""
    search = [revision for url in want.proxies for revision in candidates(want, seen, url)]
    unasked = tuple(revision for revision in search if revision.place not in seen.rows)
    return Ask(unasked) if unasked else _met(seen, search)


def candidates(want: Want, seen: Seen, url: str) -> list[Revision]:
    """Every revision worth asking one proxy for, as far as was seen until now."""
    highest = max((revision.number for revision in seen.record.known), default=0)
    while True:
        search = [
            want.material.revision(number, url, seed=seed)
            for number in range(1, highest + REACH + 1)
            for seed in want.material.keyring.seeds
        ]
        met = _met(seen, search)
        if not met or met[-1].number <= highest:
            return search
        highest = met[-1].number


def _met(seen: Seen, search: Iterable[Revision]) -> list[Revision]:
    return sorted((r for r in search if seen.life(r) not in (Life.UNKNOWN, None)), key=lambda r: r.number)


def _end(row: Row, now: datetime) -> datetime:
    """When it ended; of a tombstone, which has an end of its own, that is not known any more."""
    return now.replace(microsecond=0) if row.expires is None else min(row.expires, now.replace(microsecond=0))


def _published(want: Want, seen: Seen, revision: Revision) -> bool:
    read = seen.secrets.get(want.secret_name)
    found = seen.watched if read is None else (*seen.watched, read)
    return any(revision.token_id in secret.hashes.values() for secret in found)
