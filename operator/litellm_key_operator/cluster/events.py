"""Kubernetes Events: posted when the engine has nothing better to do, for one costs as much as a third of a key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import structlog
from typing_extensions import override

from litellm_key_operator.api.names import API_VERSION, PROGRAM
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import EVENTS
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.ports import Journal, Notice

log = structlog.get_logger(__name__)

_CAPACITY: Final = 1000
_PATIENCE: Final = 5.0
_PAUSE: Final = 0.2
_LOOK: Final = 0.1
_NOTE_LIMIT: Final = 1024
_INSTANCE_LIMIT: Final = 128


class ClusterJournal(Journal):
    """Posts notices, at most five a second, while `idle()` says so; none waits longer than five seconds for that.

    At most `capacity` wait. What the API server does not take is dropped: no work depends on an Event.
    """

    def __init__(self, client: Client, instance: str, *, idle: Callable[[], bool], capacity: int = _CAPACITY) -> None:
        self._client = client
        self._instance = instance[:_INSTANCE_LIMIT]
        self._idle = idle
        self._capacity = capacity
        self._waiting: dict[Notice, tuple[datetime, float]] = {}
        self._noted = asyncio.Event()
        self._posting: asyncio.Task[None] | None = None

    @override
    def note(self, notice: Notice) -> None:
        if notice in self._waiting:
            return
        while len(self._waiting) >= self._capacity:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[notice] = (datetime.now(UTC), time.monotonic())
        self._noted.set()

    def start(self) -> None:
        """Begin posting in the background."""
        self._posting = asyncio.create_task(self._post_for_ever(), name="events")

    async def stop(self, seconds: float = 2.0) -> None:
        """End posting; what waits is posted without pauses, as far as that is done within `seconds`."""
        if self._posting is not None:
            self._posting.cancel()
            with suppress(asyncio.CancelledError):
                await self._posting
            self._posting = None
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._waiting:
                    await self._post_oldest()

    async def _post_for_ever(self) -> None:
        while True:
            self._noted.clear()
            while self._waiting:
                if self._is_time():
                    await self._post_oldest()
                    await asyncio.sleep(_PAUSE)
                else:
                    await asyncio.sleep(_LOOK)
            await self._noted.wait()

    def _is_time(self) -> bool:
        _, since = next(iter(self._waiting.values()))
        return self._idle() or time.monotonic() - since >= _PATIENCE

    async def _post_oldest(self) -> None:
        notice = next(iter(self._waiting))
        moment, _ = self._waiting.pop(notice)
        try:
            await self._client.request("POST", EVENTS.within(notice.namespace), body=self._event(notice, moment))
        except OutsideError as error:
            log.debug("event dropped", reason=notice.reason, namespace=notice.namespace, error=str(error))

    def _event(self, notice: Notice, moment: datetime) -> Json:
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{notice.name[:200]}.{uuid4().hex[:16]}", "namespace": notice.namespace},
            "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "type": "Warning" if notice.warning else "Normal",
            "reason": notice.reason,
            "action": notice.reason,
            "note": _shortened(notice.message),
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": notice.kind,
                "namespace": notice.namespace,
                "name": notice.name,
                "uid": notice.uid,
            },
            "reportingController": PROGRAM,
            "reportingInstance": self._instance,
        }


def _shortened(message: str) -> str:
    """At most as many bytes as an Event may say."""
    return message.encode()[:_NOTE_LIMIT].decode(errors="ignore")
