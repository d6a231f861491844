"""What the outside can answer instead of an answer.

    OutsideError
    +-- Unavailable        nobody knows; ask again later
    |   +-- TLSFailure     ... because no connection that can be trusted came about
    |   +-- TooLong        ... because more was answered than is read
    +-- Denied             the admin credential was refused
    |   +-- NotPermitted   ... though it is known: it may not do this
    +-- Rejected           the request was understood and refused; pointless to repeat unchanged
    |   +-- AliasTaken     ... because another key has the alias
    |   +-- CustomKeysForbidden
    |   +-- SecretRejected ... by quota or admission of the cluster
    +-- Conflict           the object changed since it was read
    +-- Gone               the object is not there any more, or another one has its name

Messages are written by us; texts of a server are quoted only after `quoted`, so that no key value can travel in them.
"""

from __future__ import annotations

import re

_KEY_LIKE = re.compile(r"sk-[A-Za-z0-9_\-]{8,}")
_QUOTE_LIMIT = 200


class OutsideError(Exception):
    """A server could not, or would not, do what was asked."""


class Unavailable(OutsideError):
    """Not knowing: the request may or may not have had an effect.

    `sent` is False only if the request certainly never left; `retry_after` is in seconds, when the server named it.
    """

    def __init__(self, message: str, *, sent: bool = True, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.sent = sent
        self.retry_after = retry_after


class TLSFailure(Unavailable):
    """The server's certificate does not satisfy the CA bundle, or it does not speak TLS at all; nothing was sent."""


class TooLong(Unavailable):
    """The answer was longer than is read at once; ask for less."""


class Denied(OutsideError):
    """The admin credential was refused: a fact about the connection, never about a key."""


class NotPermitted(Denied):
    """The credential is known, and may not do this: manage keys, at LiteLLM, or what RBAC would have to grant."""


class Rejected(OutsideError):
    """A definite no to this very request; nothing was changed by it."""


class AliasTaken(Rejected):
    """Some key of the proxy, perhaps our own, has the alias."""


class CustomKeysForbidden(Rejected):
    """The proxy does not let its clients choose key values."""


class SecretRejected(Rejected):
    """The API server refused to store the Secret: quota, admission, or an invalid field."""


class Conflict(OutsideError):
    """The object is not the one that was read; read it again."""


class Gone(OutsideError):
    """The object does not exist, or its name belongs to an object with another uid."""


def quoted(text: str) -> str:
    """A foreign text made fit to be shown: short, on one line, nothing in it that looks like a key."""
    line = " ".join(text.split())
    line = _KEY_LIKE.sub("sk-[redacted]", line)
    return line if len(line) <= _QUOTE_LIMIT else line[: _QUOTE_LIMIT - 3] + "..."
