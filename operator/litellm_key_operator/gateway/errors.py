"""Refusals and failures of a proxy as errors of the core: the traps of LiteLLM's status codes, each in one place."""

from __future__ import annotations

import re
import ssl
from http import HTTPStatus

import httpx

from litellm_key_operator.domain.errors import (
    AliasTaken,
    CustomKeysForbidden,
    Denied,
    NotPermitted,
    OutsideError,
    Rejected,
    TLSFailure,
    Unavailable,
    quoted,
)
from litellm_key_operator.gateway.wire import Complaint, Reply, complaint

_WRITES = ("/key/generate", "/key/update", "/key/delete")
_OUTAGE = re.compile(
    r"database server|connection pool|connection attempts failed|not connected|connect proxy to database"
    r"|temporarily unreachable|query engine|server has closed the connection",
    re.IGNORECASE,
)
"""The database is away. LiteLLM says so with 400, 401, 500 and 503."""
_INVALID = re.compile(
    r"enterprise|duration (format|unit)|date value out of range|model_max_budget|doesn't exist in db"
    r"|foreign key constraint|unable to match input value",
    re.IGNORECASE,
)
"""The request is at fault, though the status is 500 (or, for an update, that of an outage)."""
_ABSENT = re.compile(r"key not found|no keys found", re.IGNORECASE)
_NO_TEAM = re.compile(r"team not found", re.IGNORECASE)
_UNKNOWN_TOKEN = re.compile(r"unable to find token|invalid api key provided", re.IGNORECASE)
"""What 1.103 and 1.108 call a credential that they have no row of."""
_UNROUTED = ("Not Found", "Method Not Allowed")


def absent(reply: Reply) -> bool:
    """Whether LiteLLM itself says that it has no such key. A 404 of an ingress, or about a team, says nothing of it."""
    return _says_404(reply, _ABSENT)


def no_team(reply: Reply) -> bool:
    """Whether LiteLLM itself says that it has no such team."""
    return _says_404(reply, _NO_TEAM)


def _says_404(reply: Reply, pattern: re.Pattern[str]) -> bool:
    said = complaint(reply.payload)
    return reply.status == HTTPStatus.NOT_FOUND and said is not None and said.code == "404" and _found(pattern, said)


def refusal(reply: Reply) -> OutsideError:
    """The error that an answer other than 200 stands for. Rejected is told of writes only."""
    error = _refusal(reply)
    if isinstance(error, Rejected) and reply.endpoint not in _WRITES:
        return Unavailable(str(error))
    return error


def failure(error: httpx.HTTPError, endpoint: str) -> Unavailable:
    """The error that stands for no answer at all."""
    if isinstance(error, httpx.ConnectError):
        handshake = _handshake(error)
        if handshake is not None:
            return TLSFailure(f"no trusted connection to LiteLLM: {quoted(handshake)}", sent=False)
        return Unavailable(f"no connection to LiteLLM: {quoted(str(error))}", sent=False)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return Unavailable("no connection to LiteLLM within the time allowed", sent=False)
    # Other texts are not quoted: they may be about the bytes of the request, and those hold keys.
    return Unavailable(f"{endpoint} was sent and not answered ({type(error).__name__})")


def _refusal(reply: Reply) -> OutsideError:
    said = complaint(reply.payload)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Unavailable("the proxy has too many requests to do", sent=False, retry_after=reply.retry_after)
    if said is None or said.text in _UNROUTED or httpx.codes.is_redirect(reply.status):
        return Unavailable(astray(reply, said), retry_after=reply.retry_after)
    if said.param == "key_alias" and "already exists" in said.text:
        return AliasTaken("another key of the proxy has the alias")
    if _found(_OUTAGE, said):
        return Unavailable("LiteLLM cannot reach its database", retry_after=reply.retry_after)
    if reply.status == HTTPStatus.UNAUTHORIZED:
        return _unauthorized(said)
    return _forbidden(reply, said) if reply.status == HTTPStatus.FORBIDDEN else _unfit(reply, said)


def astray(reply: Reply, said: Complaint | None = None) -> str:
    """Why this cannot be LiteLLM's answer to what was asked."""
    if httpx.codes.is_redirect(reply.status):
        return f"{reply.endpoint} answered {reply.status}, and redirects are not followed: declare the final URL"
    if said is None:
        return f"{reply.endpoint} answered {reply.status}, and not in the way of LiteLLM"
    return f"{reply.endpoint} is not there ({reply.status}): is this the URL of a LiteLLM proxy?"


def _unauthorized(said: Complaint) -> OutsideError:
    if _found(_UNKNOWN_TOKEN, said):
        # The older text goes on with the credential's hash.
        return Denied("LiteLLM does not know the admin credential")
    if "Only proxy admin" in said.text:
        return NotPermitted("the admin credential may not manage keys")
    return Denied(f"LiteLLM refused the admin credential: {quoted(said.text)}")


def _forbidden(reply: Reply, said: Complaint) -> OutsideError:
    if "Custom API key" in said.text:
        return CustomKeysForbidden("LiteLLM does not let its clients choose key values (disable_custom_api_keys)")
    if "allowed to call this route" in said.text or reply.endpoint not in _WRITES:
        return NotPermitted(f"the admin credential may not call {reply.endpoint}")
    return Rejected(f"LiteLLM forbids it: {quoted(said.text)}")


def _unfit(reply: Reply, said: Complaint) -> OutsideError:
    """400 and above, by what LiteLLM says."""
    # An update answers whatever it did not expect with 400, "Authentication Error, ...".
    unexpected = httpx.codes.is_server_error(reply.status) or said.text.startswith("Authentication Error")
    if unexpected and not _found(_INVALID, said):
        return Unavailable(
            f"{reply.endpoint} answered {reply.status}: {quoted(said.text)}", retry_after=reply.retry_after
        )
    return Rejected(f"LiteLLM refused it: {quoted(said.text)}")


def _found(pattern: re.Pattern[str], said: Complaint) -> bool:
    return pattern.search(said.text) is not None


def _handshake(error: BaseException) -> str | None:
    """What TLS says, if that is what made a connection fail."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    return None
