"""What goes wrong between an operator and its servers, by name; each lasts until it is cleared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dev.faultproxy import Answer, Delay, Drip, Drop, FaultProxy, Hold, Moment, Rule
from dev.faultrules import Fault
from tests.support.waiting import until

_JSON: Final = {"Content-Type": "application/json"}
_WAIT: Final = {"Retry-After": "1"}
_WATCH: Final = r"[?&]watch="
_CHANGES: Final = "^/key/(generate|update|delete)"
_UNKNOWN: Final = (
    "Authentication Error, Invalid proxy server token passed. Key Hash (Token) =abc. Unable to find token in cache"
)


def _complaint(status: int, text: str, headers: Mapping[str, str] = _JSON) -> Answer:
    error = {"message": text, "type": "error", "param": None, "code": str(status)}
    return Answer(status, json.dumps({"error": error}).encode(), headers)


def _refusal(status: int, reason: str, headers: Mapping[str, str] = _JSON) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": reason, "reason": reason}
    return Answer(status, json.dumps({**body, "code": status}).encode(), headers)


def _expired() -> Answer:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}
    return Answer(200, json.dumps({"type": "ERROR", "object": status}).encode() + b"\n", _JSON)


def _registers(body: bytes) -> bool:
    """Whether it is a registration, and not one of the preflight."""
    return b'"key_alias"' in body


@dataclass(frozen=True)
class Trouble:
    """Which requests meet which fault; `cuts`: those under way are cut off as well."""

    method: str
    path: str
    fault: Fault
    moment: Moment = Moment.BEFORE
    where: Callable[[bytes], bool] | None = None
    cuts: str | None = None


LITELLM: Final[Mapping[str, Trouble]] = {
    "down": Trouble("*", "", Drop()),
    "slow": Trouble("*", "", Delay(2.0)),
    "slow to commit": Trouble("POST", _CHANGES, Delay(2.0)),
    "late": Trouble("POST", "^/key/generate", Hold(), where=_registers),
    "500": Trouble("*", "^/key/", _complaint(500, "Internal Server Error")),
    "500 after commit": Trouble("POST", _CHANGES, _complaint(500, "Internal Server Error"), Moment.AFTER),
    "cut after commit": Trouble("POST", _CHANGES, Drop(), Moment.AFTER),
    "401": Trouble("*", "^/key/", _complaint(401, _UNKNOWN)),
    "403": Trouble("POST", _CHANGES, _complaint(403, "This is an Enterprise feature")),
    "database down": Trouble("*", "^/key/", _complaint(500, "Can't reach database server at 127.0.0.1")),
    "429": Trouble("*", "^/", _complaint(429, "Too many requests", _JSON | _WAIT)),
    "503": Trouble("*", "^/", Answer(503, b"no upstream", _WAIT)),
    "redirect": Trouble("*", "^/", Answer(307, b"", {"Location": "/elsewhere"})),
    "HTML": Trouble("*", "^/", Answer(200, b"<html>welcome</html>", {"Content-Type": "text/html"})),
    "drip": Trouble("*", "^/key/", Drip(0.5)),
}
API: Final[Mapping[str, Trouble]] = {
    "unreachable": Trouble("*", "", Drop(), cuts=""),
    "500": Trouble("*", "", _refusal(500, "InternalError")),
    "500 after commit": Trouble("PATCH", "", _refusal(500, "InternalError"), Moment.AFTER),
    "cut after commit": Trouble("POST", "", Drop(), Moment.AFTER),
    "409": Trouble("PATCH", "", _refusal(409, "Conflict")),
    "409 at Secrets": Trouble("POST", "/secrets", _refusal(409, "AlreadyExists")),
    "429": Trouble("*", "", _refusal(429, "TooManyRequests", _JSON | _WAIT)),
    "410": Trouble("GET", _WATCH, _expired(), cuts=_WATCH),
    "watches cut": Trouble("GET", _WATCH, Drop(), cuts=_WATCH),
}


@dataclass
class Weather:
    """The troubles of the moment before both servers."""

    api: FaultProxy
    litellm: FaultProxy
    _rules: dict[str, list[tuple[FaultProxy, Rule]]] = field(default_factory=dict[str, Any])
    _left: dict[str, int] = field(default_factory=dict[str, int])

    def begin(self, where: str, name: str, *, once: bool, steps: int) -> None:
        """One trouble more, for one request or for so many steps."""
        proxy, trouble = (self.api, API[name]) if where == "API server" else (self.litellm, LITELLM[name])
        told = f"{where} {name}"
        rule = proxy.on(
            trouble.method,
            trouble.path,
            trouble.fault,
            moment=trouble.moment,
            nth=1 if once else None,
            where=trouble.where,
        )
        self._rules.setdefault(told, []).append((proxy, rule))
        self._left[told] = steps
        if trouble.cuts is not None:
            proxy.cut(path=trouble.cuts)

    def pass_step(self) -> None:
        """A step is over, and with it perhaps a trouble."""
        for told in list(self._left):
            self._left[told] -= 1
            if self._left[told] < 0:
                self._end(told)

    def clear(self) -> None:
        """All is well; what was held or slow arrives now."""
        for told in list(self._rules):
            self._end(told)
        until(lambda: not self.litellm.under_way(), "the late requests to arrive")

    @property
    def fair(self) -> bool:
        """Whether there is no trouble."""
        return not self._rules

    def _end(self, told: str) -> None:
        for proxy, rule in self._rules.pop(told):
            proxy.remove(rule)
        self._left.pop(told, None)
