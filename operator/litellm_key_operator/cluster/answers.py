"""What an API server's refusals mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

import orjson

from litellm_key_operator.domain.errors import (
    Conflict,
    Denied,
    Gone,
    NotPermitted,
    OutsideError,
    Rejected,
    Unavailable,
    quoted,
)

Json = dict[str, Any]

_NOT_PERMITTED: Final = re.compile(r'User "[^"]*" cannot \w+ resource ')
"""RBAC's words (and every authorizer's); all other 403 are an admission's, such as a quota's."""


class ExpiredError(OutsideError):
    """A page of a list is asked for that the server does not keep any more; the list has to begin anew."""


def parsed(body: bytes) -> Json:
    """The JSON object in a body. Raises Unavailable if there is none: it was not the API server that answered."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Unavailable("the answer is not JSON, so it is not the API server's")
    return cast("Json", found)


def refusal(
    code: int, body: bytes, *, method: str, retry_after: str | None, hidden: Iterable[str] = ()
) -> OutsideError:
    """The error that an answer of 300 and above stands for. `hidden` texts are cut out of what it quotes."""
    try:
        status = parsed(body)
    except Unavailable:
        status = {}
    said = _message(status, hidden)
    wait = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    meaning: OutsideError = Unavailable(f"the API server answered {code}: {said}", retry_after=wait)
    match code:
        case 401:
            meaning = Denied("the API server does not accept this credential (401)")
        case 403:
            meaning = _forbidden(status, said)
        case 404:
            meaning = _not_found(status, said)
        case 409:
            meaning = _conflict(status, said, method)
        case 410:
            meaning = ExpiredError("the list's continue token has expired (410)")
        case 400 | 405 | 406 | 413 | 415 | 422:
            meaning = Rejected(f"the API server refuses ({code}): {said}")
        case _:
            pass
    return meaning


def _message(status: Mapping[str, Any], hidden: Iterable[str]) -> str:
    text = str(status.get("message") or "no reason given")
    for value in hidden:
        text = text.replace(value, "[redacted]")
    return quoted(text)


def _details(status: Mapping[str, Any]) -> Json:
    details = status.get("details")
    return cast("Json", details) if isinstance(details, dict) else {}


def _forbidden(status: Mapping[str, Any], said: str) -> OutsideError:
    if status.get("reason") != "Forbidden":
        return Denied(f"the request was forbidden (403): {said}")
    causes = _details(status).get("causes") or ()
    if any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
        return Gone("the namespace is being terminated")
    if _NOT_PERMITTED.search(str(status.get("message"))):
        return NotPermitted(f"this account may not do that (403): {said}")
    return Rejected(f"the API server refuses (403): {said}")


def _not_found(status: Mapping[str, Any], said: str) -> OutsideError:
    # Without a name it is the kind that is not served: a definition not installed yet, or a proxy in between.
    if status.get("reason") != "NotFound" or not _details(status).get("name"):
        return Unavailable(f"the API server does not serve this kind of object (404): {said}")
    return Gone(f"not found: {said}")


def _conflict(status: Mapping[str, Any], said: str, method: str) -> OutsideError:
    # A quota that is being counted by two at once is a Conflict too, and says nothing about the name.
    if method == "POST" and status.get("reason") != "AlreadyExists":
        return Unavailable(f"the API server asks to try again (409): {said}")
    return Conflict(f"the object changed or exists (409): {said}")
