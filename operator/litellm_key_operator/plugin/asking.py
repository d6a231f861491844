"""What LiteLLM says to one key, asked with that key: may it in, and what is told of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from litellm_key_operator.domain.errors import Denied, NotPermitted, Rejected, quoted
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.state import Row
from litellm_key_operator.gateway import wire
from litellm_key_operator.gateway.clock import ProxyClock
from litellm_key_operator.gateway.errors import refusal
from litellm_key_operator.gateway.transport import MEBIBYTE, Transport
from litellm_key_operator.gateway.wire import Reply, complaint
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.shapes import Verdict
from litellm_key_operator.ports import Credential

_TIMEOUT: Final = timedelta(seconds=15)
_NOT_THERE: Final = "LiteLLM has no such key: it was deleted, or never was there"
_WORDS: Final = (
    ("Unable to find token", Verdict.NOT_KNOWN, _NOT_THERE),
    ("Invalid API key provided", Verdict.NOT_KNOWN, _NOT_THERE),
    ("Expired Key", Verdict.EXPIRED, "its time is over"),
    ("Budget has been exceeded", Verdict.OVER_BUDGET, "its budget, or that of its team or user, is used up"),
    ("is blocked", Verdict.BLOCKED, "it, or its team or user, is blocked in LiteLLM"),
)
"""What LiteLLM says, and what that means; its status codes differ between its versions."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict; LiteLLM's row if the key may see its own, the models listed for it if it may ask for them."""

    verdict: Verdict
    message: str
    row: Row | None = None
    models: tuple[str, ...] | None = None


async def ask(url: str, value: KeyValue, ca: str | None) -> Answer:
    """What the proxy says. Neither call costs money, nor do both names tell the value. Raises Unavailable, Failure."""
    credential = Credential(url, value, ca, insecure_skip_verify=False, timeout=_TIMEOUT, max_in_flight=1)
    try:
        transport = Transport(credential, ProxyClock(time.time, time.monotonic), None)
    except Denied:
        return Answer(Verdict.NO_KEY, "what is in the Secret has blanks or line breaks, and fits into no request")
    except Rejected as error:
        raise Failure(Exit.USAGE, str(error)) from None
    try:
        # The models first: that is what its users ask for, so budgets and blocked teams count there.
        listed = await transport.exchange("GET", "/v1/models", most=8 * MEBIBYTE)
        itself = await transport.exchange("GET", "/key/info")
    finally:
        await transport.close()
    row = wire.informed(itself, value.token_id) if itself.status == HTTPStatus.OK else None
    for reply in (listed, itself):
        refused = _refused(reply)
        if refused is not None:
            return Answer(*refused, row=row)
    models = tuple(sorted(wire.model_names(listed))) if listed.status == HTTPStatus.OK else None
    return Answer(Verdict.ACCEPTED, "LiteLLM accepts it", row, models)


def _refused(reply: Reply) -> tuple[Verdict, str] | None:
    """Why the key is refused; None if it is not, though it may not call this very route. Raises Unavailable."""
    if reply.status == HTTPStatus.OK:
        return None
    said = complaint(reply.payload)
    text = "" if said is None else said.text
    for words, verdict, meaning in _WORDS:
        if words in text:
            return verdict, meaning
    error = refusal(reply)
    if isinstance(error, NotPermitted):
        return None
    if isinstance(error, Denied):
        return Verdict.REFUSED, f"LiteLLM refuses it: {quoted(text)}"
    raise error
