"""How a command ends."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """The exit codes; of several Keys in one command the highest counts."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A number that says what it means."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    DONE = 0, "Done. `verify`: LiteLLM accepts the key. `find`: the Key was found."
    NO = (
        1,
        (
            "A clear no. `verify`: LiteLLM refuses the key, or the Secret holds none. `find`: no Key has it, as far as "
            "could be looked. `rotate`, `revoke`: it cannot be done now, or the question was answered by no."
        ),
    )
    USAGE = 2, "Asked wrongly; nothing was done."
    ABSENT = 3, "There is no such Key (`verify`: or not its Secret)."
    REFUSED = 4, "The API server does not let you: no access, no right, or an admission that refuses."
    UNKNOWN = 5, "The API server or LiteLLM gives no answer, so nothing is known."
    TIMEOUT = 6, "What was waited for did not come about in time; what was asked for stands."
    INTERRUPTED = 130, "Ended by Ctrl-C, or as nobody reads the output any more; what was asked for stands."


class Failure(Exception):
    """A command, or its part about one Key, came to nothing; the message is for people and carries no key value."""

    def __init__(self, exit_code: Exit, message: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
