"""Each refusal of an API server is the error that the engine acts upon."""

from typing import Any

import orjson
import pytest

from litellm_key_operator.cluster.answers import ExpiredError, NotAllowed, parsed, refusal
from litellm_key_operator.domain.errors import Conflict, Denied, Gone, OutsideError, Rejected, Unavailable

RBAC = 'secrets "x" is forbidden: User "a:b" cannot create resource "secrets" in API group "" in the namespace "n"'
TERMINATING = {"causes": [{"reason": "NamespaceTerminating"}], "name": "x"}


def status(reason: str, message: str = "", **details: Any) -> bytes:
    return orjson.dumps({"kind": "Status", "reason": reason, "message": message, "details": details})


@pytest.mark.parametrize(
    ("code", "method", "body", "meaning"),
    [
        (401, "GET", status("Unauthorized"), Denied),
        (403, "POST", status("Forbidden", RBAC), NotAllowed),
        (403, "GET", b"<html>denied by a proxy", Denied),
        (403, "POST", status("Forbidden", 'secrets "x" is forbidden: exceeded quota: q', name="x"), Rejected),
        (403, "POST", status("Forbidden", "being terminated", **TERMINATING), Gone),
        (404, "GET", status("NotFound", 'secrets "x" not found', name="x"), Gone),
        (404, "GET", status("NotFound", "the server could not find the requested resource"), Unavailable),
        (404, "GET", b"404 page not found", Unavailable),
        (409, "PATCH", status("Conflict", name="x"), Conflict),
        (409, "POST", status("AlreadyExists", name="x"), Conflict),
        (409, "POST", status("Conflict", kind="resourcequotas"), Unavailable),
        (410, "GET", status("Expired"), ExpiredError),
        (400, "POST", status("BadRequest"), Rejected),
        (422, "PATCH", status("Invalid"), Rejected),
        (429, "PATCH", status("TooManyRequests"), Unavailable),
        (500, "PATCH", status("InternalError", "failed calling webhook"), Unavailable),
        (503, "GET", b"", Unavailable),
        (302, "GET", b"", Unavailable),
    ],
)
def test_meaning(code: int, method: str, body: bytes, meaning: type[OutsideError]) -> None:
    assert type(refusal(code, body, method=method, retry_after=None)) is meaning


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
def test_when_to_come_back(header: str | None, seconds: float | None) -> None:
    error = refusal(429, b"", method="GET", retry_after=header)
    assert isinstance(error, Unavailable)
    assert error.retry_after == seconds


def test_no_value_of_the_request_is_quoted() -> None:
    body = status("Invalid", "a webhook says: hidden-value, and sk-abcdefghijklmnop, are bad")
    text = str(refusal(422, body, method="POST", retry_after=None, hidden=["hidden-value"]))
    assert "hidden-value" not in text
    assert "abcdefghijklmnop" not in text
    assert "a webhook says" in text


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null"])
def test_an_answer_that_is_no_object_is_nobody_knows(body: bytes) -> None:
    with pytest.raises(Unavailable):
        parsed(body)
