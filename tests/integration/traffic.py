"""Clients that send completions without pause, each with the key that its Pod would see by now."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from types import TracebackType
from typing import Final, Self

import aiohttp

from tests.integration.site import Claim
from tests.support.litellm_admin import SMALL

REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_GLANCE: Final = 0.1
"""Seconds between two looks at a Secret."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of 401 or 403, to the end of which value.

    Times are monotonic seconds: when the request was sent, when the answer came, and since when the Secret was seen to
    hold another value, if it was.
    """

    sent: float
    at: float
    switched: float | None
    claim: str
    value: str
    text: str


@dataclass(slots=True)
class Delivery:
    """The Secret of one claim as kubelets deliver it: every value, with the moment since which it stood there."""

    claim: Claim
    values: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def look(self) -> None:
        """See what the Secret holds now."""
        value = self.claim.data().get("api-key")
        if value is not None and (not self.values or self.values[-1][1] != value):
            self.values.append((time.monotonic(), value))

    def switched_from(self, value: str) -> float | None:
        """Since when another value stood there than this one."""
        after = [since for (_, older), (since, _) in pairwise(self.values) if older == value]
        return after[0] if after else None

    def seen_by(self, late: float) -> str:
        """The value that a Pod has which sees everything so many seconds late."""
        known = [value for since, value in self.values if since + late <= time.monotonic()]
        return known[-1] if known else self.values[0][1]


class Traffic:
    """Clients in a thread of their own, from `with` to its end. `cost`: US dollars, as LiteLLM's answers say it."""

    def __init__(self, url: str, claims: Sequence[Claim], clients: int, latest: float) -> None:
        """So many clients in all, the last of which sees each new value `latest` seconds late."""
        self.deliveries = [Delivery(claim) for claim in claims]
        self.refusals: list[Refusal] = []
        self.answered = 0
        self.cost = 0.0
        self._url = url
        self._late = [latest * number / max(1, clients - 1) for number in range(clients)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic", daemon=True)
        self._watch = threading.Thread(target=self._look, name="kubelets", daemon=True)

    def __enter__(self) -> Self:
        for delivery in self.deliveries:
            delivery.look()
        self._watch.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._watch.join()

    @property
    def tokens(self) -> list[str]:
        """LiteLLM's ids of all values that were delivered."""
        return [hashlib.sha256(value.encode()).hexdigest() for d in self.deliveries for _, value in d.values]

    def _look(self) -> None:
        while not self._over.wait(_GLANCE):
            for delivery in self.deliveries:
                delivery.look()

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(self._url, timeout=timeout) as session:
            await asyncio.gather(*(self._send(session, number, late) for number, late in enumerate(self._late)))

    async def _send(self, session: aiohttp.ClientSession, number: int, late: float) -> None:
        delivery = self.deliveries[number % len(self.deliveries)]
        body = {"model": SMALL, "messages": [{"role": "user", "content": "hello"}]}
        while not self._over.is_set():
            value, sent = delivery.seen_by(late), time.monotonic()
            try:
                async with session.post(
                    "/chat/completions", json=body, headers={"Authorization": f"Bearer {value}"}
                ) as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(_GLANCE)  # LiteLLM is away
                continue
            if answer.status == HTTPStatus.OK:
                self.answered += 1
                self.cost += float(answer.headers["x-litellm-response-cost"])
            elif answer.status in REFUSED:
                name, switched = delivery.claim.name, delivery.switched_from(value)
                self.refusals.append(Refusal(sent, time.monotonic(), switched, name, value[-4:], text[:200]))
