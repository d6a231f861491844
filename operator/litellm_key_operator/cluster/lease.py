"""Leader election by a Lease: who holds it may work, all others wait.

Nobody's clock is trusted but one's own monotonic one: a holder is dead when its Lease was seen unchanged for as long as
the Lease says. No lease stops a request that is under way; fences and derived values are there for those.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Self, cast

import structlog

from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import LEASES
from litellm_key_operator.domain.errors import Conflict, Gone, OutsideError

log = structlog.get_logger(__name__)

_DURATION: Final = timedelta(seconds=15)
_RENEW_SHARE: Final = 2 / 3
_RETRY_SHARE: Final = 2 / 15
_REQUEST_SHARE: Final = 0.9
_GLANCE: Final = 0.5
"""Seconds, at most, between two looks of a candidate: so soon it sees that a Lease was released, however long it is."""


def _utc() -> datetime:
    return datetime.now(UTC)


class Lease:
    """One candidate, or holder, of one Lease. `identity` must be unique to the process.

    `lost` is set as soon as the Lease could not be renewed for two thirds of its duration, or is somebody else's: stop
    working at once, and do not go on with this object.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        duration: timedelta = _DURATION,
        now: Callable[[], datetime] = _utc,
    ) -> None:
        self.lost = asyncio.Event()
        self._client = client
        self._path = LEASES.of(namespace, name)
        self._identity = identity
        self._duration = duration.total_seconds()
        self._retry = self._duration * _RETRY_SHARE
        self._now = now
        self._observed: tuple[object, float] = (None, 0.0)
        self._held: Json = {}
        self._renewed = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self._trouble = ""

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.release()

    async def acquire(self) -> None:
        """Wait until it is held; from then on it is renewed in the background. Errors are waited out too."""
        while True:
            if await self._taken():
                break
            await asyncio.sleep(min(self._retry, _GLANCE) * random.uniform(1.0, 1.2))  # noqa: S311 - spreads candidates
        self._renewing = asyncio.create_task(self._renew_until_lost(), name="lease")

    async def release(self) -> None:
        """Stop renewing and, if it is still held, offer it to the others at once; call when all work has ended."""
        renewing, self._renewing = self._renewing, None
        if renewing is None or self.lost.is_set():
            return
        renewing.cancel()
        with suppress(asyncio.CancelledError):
            await renewing
        for _ in range(2):
            # Twice, should the renewal that was just cancelled be stored in between.
            with suppress(OutsideError):
                lease = await self._request("GET")
                if _spec(lease).get("holderIdentity") == self._identity:
                    await self._request("PUT", self._written(lease, holder="", seconds=1))
                return

    async def _taken(self) -> bool:
        """One try to become the holder."""
        began = time.monotonic()
        try:
            lease = await self._found()
            if not self._is_free(lease):
                return False
            self._held = await self._request("PUT", self._written(lease, holder=self._identity, seconds=self._duration))
        except Conflict:
            return False
        except OutsideError as error:
            self._note(error)
            return False
        self._renewed = began
        return True

    async def _found(self) -> Json:
        """The Lease, made without a holder if there is none."""
        try:
            return await self._request("GET")
        except Gone:
            fresh: Json = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._path.name},
                "spec": {},
            }
            return await self._request("POST", fresh)

    def _is_free(self, lease: Json) -> bool:
        spec = _spec(lease)
        holder = spec.get("holderIdentity")
        if not holder or holder == self._identity:
            return True
        sign, now = (holder, spec.get("renewTime")), time.monotonic()
        if sign != self._observed[0]:
            self._observed = (sign, now)
        return now - self._observed[1] >= (spec.get("leaseDurationSeconds") or self._duration)

    async def _renew_until_lost(self) -> None:
        try:
            going = True
            while going:
                await asyncio.sleep(min(self._retry, max(self._left, 0.0)))
                going = self._left > 0 and await self._renewed_within(self._left)
        finally:
            # Also if this task dies of a fault of its own: working on without a Lease is the worse end.
            if self._renewing is not None:
                self.lost.set()

    @property
    def _left(self) -> float:
        """Seconds until it has to be renewed; none left means that it is lost."""
        return self._renewed + self._duration * _RENEW_SHARE - time.monotonic()

    async def _renewed_within(self, left: float) -> bool:
        """Try to renew; False if it is certain that somebody else, or nobody, holds it."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(left):
                while True:
                    try:
                        mine = self._written(self._held, holder=self._identity, seconds=self._duration)
                        self._held = await self._request("PUT", mine)
                    except (Conflict, Gone):
                        # It may only be another version, as after a renewal whose answer was lost.
                        self._held = await self._request("GET")
                        if _spec(self._held).get("holderIdentity") != self._identity:
                            return False
                    else:
                        self._renewed = began
                        return True
        except Gone:
            return False
        except (OutsideError, TimeoutError) as error:
            self._note(error)
            return True

    def _written(self, lease: Json, *, holder: str, seconds: float) -> Json:
        spec = _spec(lease)
        moment = self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        changed = {"holderIdentity": holder, "leaseDurationSeconds": math.ceil(seconds), "renewTime": moment}
        if holder and spec.get("holderIdentity") != holder:
            changed |= {"acquireTime": moment, "leaseTransitions": spec.get("leaseTransitions", 0) + 1}
        return {**lease, "spec": {**spec, **changed}}

    async def _request(self, method: str, body: Json | None = None) -> Json:
        path = self._path if method != "POST" else self._path.within(self._path.namespace)
        return await self._client.request(method, path, body=body, seconds=self._retry * _REQUEST_SHARE)

    def _note(self, error: BaseException) -> None:
        text = str(error)
        if text != self._trouble:
            self._trouble = text
            log.warning("lease", lease=self._path.name, error=text)


def _spec(lease: Json) -> Json:
    return cast("Json", lease.get("spec") or {})
