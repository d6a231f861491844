"""Each trap of LiteLLM's status codes, with the body as the proxy sends it."""

from __future__ import annotations

import ssl

import httpx
import pytest

from litellm_key_operator.domain.errors import (
    AliasTaken,
    CustomKeysForbidden,
    Denied,
    NotPermitted,
    OutsideError,
    Rejected,
    TLSFailure,
    Unavailable,
)
from litellm_key_operator.gateway.errors import absent, failure, refusal
from litellm_key_operator.gateway.wire import Reply

GENERATE, UPDATE, DELETE, INFO, LIST = "/key/generate", "/key/update", "/key/delete", "/key/info", "/key/list"
VALUE = "sk-0123456789abcdefghij"


def error(message: str, code: int, param: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": "internal_server_error", "param": param, "code": str(code)}}


def told(status: int, message: str, param: str | None = None) -> tuple[int, object]:
    return status, error(message, status, param)


ALIAS = "Key with alias 'A' already exists. Unique key aliases across all keys are required."
AWAY = "Can't reach database server at `127.0.0.1:55432`"
ENTERPRISE = "{'error': 'This feature is only available for LiteLLM Enterprise users: tags. ...'}"
ROUTE = "Virtual key is not allowed to call this route. Only allowed to call routes: ['/key/info']."
UNKNOWN_TOKEN = (
    "Authentication Error, Invalid proxy server token passed. Key Hash (Token) =abc. Unable to find token in cache"
)
ROLE = "Authentication Error, Only proxy admin can be used to generate, delete, update info for new keys/users/teams."
CUSTOM = "{'error': 'Custom API key values are disabled by your administrator. Keys must be auto-generated.'}"

TABLE: list[tuple[str, tuple[int, object], type[OutsideError]]] = [
    # Aliases: only "already exists" is about another key.
    (GENERATE, told(400, ALIAS, "key_alias"), AliasTaken),
    (UPDATE, told(400, ALIAS, "key_alias"), AliasTaken),
    (UPDATE, told(400, ALIAS.replace("'A'", "'not connected'"), "key_alias"), AliasTaken),
    (GENERATE, told(400, "Invalid key_alias", "key_alias"), Rejected),
    # The form of a request.
    (GENERATE, told(400, "{'error': \"Invalid key format. LiteLLM Virtual Key must start with 'sk-'.\"}"), Rejected),
    (GENERATE, told(400, "{'error': 'max_budget must be a non-negative finite number. Received: -1.0'}"), Rejected),
    (GENERATE, (422, {"detail": [{"type": "float_parsing", "loc": ["body", "max_budget"], "msg": "no"}]}), Rejected),
    (GENERATE, told(500, "Invalid duration format"), Rejected),
    (GENERATE, told(500, "Unsupported duration unit, passed duration: 1y"), Rejected),
    (GENERATE, told(500, "date value out of range"), Rejected),
    (GENERATE, told(500, "Organization doesn't exist in db. Organization=none."), Rejected),
    (GENERATE, told(500, "Invalid model_max_budget: You must have an enterprise license to set it."), Rejected),
    (GENERATE, told(403, ENTERPRISE), Rejected),
    (GENERATE, told(403, "{'error': 'Only proxy admins can set `allowed_routes` on a key.'}"), Rejected),
    (GENERATE, told(404, "{'error': 'Project not found, project_id=none'}"), Rejected),
    (GENERATE, told(403, CUSTOM), CustomKeysForbidden),
    # An update answers everything that it did not expect with 400.
    (UPDATE, told(400, "Authentication Error, Invalid duration format"), Rejected),
    (UPDATE, told(400, "Authentication Error, Foreign key constraint failed on the field: `budget_id`"), Rejected),
    (UPDATE, told(400, "Authentication Error, Invalid model_max_budget: enterprise license"), Rejected),
    (UPDATE, told(400, "Project reassignment is not supported. Use null to detach the key."), Rejected),
    (UPDATE, told(404, "{'error': \"Team doesn't exist in db. Team=none.\"}"), Rejected),
    (UPDATE, told(400, "Authentication Error, " + AWAY), Unavailable),
    (UPDATE, told(400, "Authentication Error, something nobody thought of"), Unavailable),
    # The credential.
    (GENERATE, told(401, UNKNOWN_TOKEN), Denied),
    (GENERATE, told(401, ROLE), NotPermitted),
    (INFO, told(401, "Authentication Error - Expired Key."), Denied),
    (DELETE, (403, {"detail": ROUTE}), NotPermitted),
    (GENERATE, (403, {"detail": ROUTE}), NotPermitted),
    (LIST, (403, {"detail": {"error": "You are not allowed to look"}}), NotPermitted),
    (DELETE, told(403, "{'error': 'You are not authorized to delete this key'}"), Rejected),
    # The database is away.
    (GENERATE, told(500, "{'error': 'Internal Server Error.'}"), Unavailable),
    (GENERATE, told(500, AWAY), Unavailable),
    (LIST, told(500, "Authentication Error, " + AWAY), Unavailable),
    (LIST, told(401, "Authentication Error, " + AWAY), Unavailable),
    (GENERATE, told(500, "Timed out fetching a new connection from the connection pool."), Unavailable),
    (GENERATE, told(500, "DB not connected. prisma_client is None"), Unavailable),
    (INFO, told(503, "Service Unavailable, the authentication database is temporarily unreachable."), Unavailable),
    # Others than LiteLLM answer, or not what was asked.
    (INFO, (404, {"detail": "Not Found"}), Unavailable),
    (GENERATE, (405, {"detail": "Method Not Allowed"}), Unavailable),
    (INFO, (404, None), Unavailable),
    (GENERATE, (401, None), Unavailable),
    (GENERATE, (403, {"message": "forbidden by policy"}), Unavailable),
    (GENERATE, (400, ["a list"]), Unavailable),
    (GENERATE, (302, None), Unavailable),
    (GENERATE, (302, error("moved", 302)), Unavailable),
    (GENERATE, (502, None), Unavailable),
    (GENERATE, (500, {"error": {"message": "Internal server error", "type": "internal_server_error"}}), Unavailable),
    # What is no write has nothing to be rejected.
    (INFO, told(400, "{'error': 'nonsense'}"), Unavailable),
    (LIST, (422, {"detail": [{"type": "x", "loc": ["query", "size"], "msg": "too much"}]}), Unavailable),
]


@pytest.mark.parametrize(("endpoint", "answer", "expected"), TABLE)
def test_each_refusal_means_what_it_should(
    endpoint: str, answer: tuple[int, object], expected: type[OutsideError]
) -> None:
    found = refusal(Reply(endpoint, *answer))
    assert type(found) is expected, found


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (told(404, "Key not found in database", "key"), True),
        (told(404, "Key not found.", "key"), True),
        (told(404, "{'error': 'No keys found'}"), True),
        (told(404, "{'error': \"Team doesn't exist in db. Team=none.\"}"), False),
        (told(500, "Key not found in database"), False),
        ((404, {"detail": "Not Found"}), False),
        ((404, {"detail": "Key not found"}), False),
        ((404, None), False),
        ((404, error("Key not found", 500)), False),
        ((404, "Key not found"), False),
    ],
)
def test_a_key_is_absent_only_if_litellm_says_so(answer: tuple[int, object], expected: bool) -> None:
    assert absent(Reply(INFO, *answer)) is expected


def test_too_many_requests_did_nothing_and_say_when_to_come_again() -> None:
    found = refusal(Reply(GENERATE, 429, None, retry_after=7.0))
    assert isinstance(found, Unavailable)
    assert (found.sent, found.retry_after) == (False, 7.0)


@pytest.mark.parametrize("payload", [None, error("busy", 503)])
def test_a_server_error_may_have_done_something(payload: object) -> None:
    found = refusal(Reply(GENERATE, 503, payload, retry_after=1.0))
    assert isinstance(found, Unavailable)
    assert (found.sent, found.retry_after) == (True, 1.0)


@pytest.mark.parametrize(
    "answer",
    [
        told(400, f"bad key {VALUE}"),
        told(500, f"bad key {VALUE}"),
        told(403, f"bad key {VALUE}"),
        told(401, f"bad key {VALUE}"),
        (422, {"detail": [{"loc": ["body", "key"], "msg": "no", "input": VALUE}]}),
        (422, {"detail": [{"loc": ["body", "key"], "msg": f"no: {VALUE}"}]}),
        (400, {"detail": f"no {VALUE}"}),
    ],
)
def test_no_value_of_a_key_is_quoted(answer: tuple[int, object]) -> None:
    reply = Reply(GENERATE, *answer)
    assert VALUE not in repr(refusal(reply))
    assert VALUE not in repr(reply)


def test_the_text_of_a_wrapped_error_is_quoted_bare() -> None:
    found = refusal(Reply(GENERATE, *told(400, "{'error': 'max_budget is odd'}")))
    assert str(found) == "LiteLLM refused it: max_budget is odd"


@pytest.mark.parametrize(
    ("lost", "sent"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.WriteTimeout("slow"), True),
        (httpx.ReadError("reset"), True),
        (httpx.WriteError("reset"), True),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), True),
        (httpx.LocalProtocolError(f"Illegal header value {VALUE}"), True),
    ],
)
def test_only_a_request_that_never_left_counts_as_not_sent(lost: httpx.HTTPError, sent: bool) -> None:
    found = failure(lost, GENERATE)
    assert found.sent is sent
    assert VALUE not in repr(found)


def test_a_failed_handshake_is_told_apart() -> None:
    lost = httpx.ConnectError("failed")
    lost.__cause__ = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    assert isinstance(failure(lost, GENERATE), TLSFailure)
    assert not isinstance(failure(httpx.ConnectError("refused"), GENERATE), TLSFailure)
