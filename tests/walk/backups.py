"""LiteLLM's tables of keys, saved and set back: what a restored backup of its database does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.walk.census import noted
from tests.walk.ground import KEYS, Ground
from tests.walk.journal import Journal
from tests.walk.ledger import Ledger

_SAVE: Final = (
    "drop schema if exists walk cascade",
    "create schema walk",
    'create table walk.live as table "LiteLLM_VerificationToken"',
    'create table walk.dead as table "LiteLLM_DeletedVerificationToken"',
)
_LOCK: Final = 'lock table "LiteLLM_VerificationToken", "LiteLLM_DeletedVerificationToken" in access exclusive mode'
_EMPTY: Final = (
    'delete from "LiteLLM_VerificationToken"',
    'delete from "LiteLLM_DeletedVerificationToken"',
)
_FILL: Final = (
    'insert into "LiteLLM_VerificationToken" select * from walk.live',
    'insert into "LiteLLM_DeletedVerificationToken" select * from walk.dead',
)
_ROWS: Final = (
    """select 'live', token from "LiteLLM_VerificationToken" where blocked is not true""",
    """select 'blocked', token from "LiteLLM_VerificationToken" where blocked""",
    """select 'dead', token from "LiteLLM_DeletedVerificationToken" where true""",
)
_THEN: Final = "select 'then'"


@dataclass
class Backups:
    """One backup at a time. Whatever dies or lives by setting it back is entered into the ledger."""

    ground: Ground
    ledger: Ledger
    journal: Journal
    saved: dict[str, float] | None = None
    """When the time of what was saved may be over."""

    def save(self) -> None:
        """Both tables, as they are."""
        self.ground.sql(*_SAVE)
        self.saved = dict(self.ledger.ends)

    def restore(self) -> None:
        """Set both tables back; does nothing if nothing was saved."""
        if self.saved is not None:
            self._set_to(_EMPTY + _FILL, self.saved)

    def empty(self) -> None:
        """Nothing is left in them."""
        self._set_to(_EMPTY, {})

    def _set_to(self, statements: tuple[str, ...], ends: dict[str, float]) -> None:
        told = self.ground.sql(_LOCK, *_ROWS, _THEN, *statements, *_ROWS)
        middle = told.index(["then"])
        live, blocked, dead = _sorted(told[:middle])
        now_live, now_blocked, now_dead = _sorted(told[middle + 1 :])
        ledger = self.ledger
        ledger.taken |= live - now_live
        # What rose from the dead, and what only a tombstone kept from rising.
        ledger.excuse((now_live - live) | (blocked - now_blocked))
        ledger.died = {token: moment for token, moment in ledger.died.items() if token in now_dead}
        ledger.ends |= {token: ends.get(token, 0.0) for token in now_live}
        self.journal.forget_ends(now_dead)
        ledger.restored |= live | blocked | dead | now_live | now_blocked | now_dead
        for claim in self.ground.team.all(KEYS).values():
            if not noted(claim):
                ledger.excuse_untold(claim["metadata"]["uid"], now_live | now_blocked | now_dead)


def _sorted(rows: list[list[str]]) -> tuple[set[str], set[str], set[str]]:
    """The tokens that are live, blocked, and deleted."""
    live, blocked, dead = ({token for kind, token in rows if kind == wanted} for wanted in ("live", "blocked", "dead"))
    return live, blocked, dead
