"""Operators that share one Lease, each with a way of its own to the API server, so that it is known who asked what."""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dev.controlplane import Access
from dev.faultproxy import FaultProxy, before_api_server
from dev.faultrules import Fault, Passed
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.api.names import LABEL_KEY
from tests.kill.site import Site

LEASES: Final = "/leases"
_KIBIBYTE: Final = 1024


@dataclass(frozen=True)
class Replica:
    """One of them."""

    process: OperatorProcess
    api: FaultProxy

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        (size,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
        return int(size) * _KIBIBYTE

    def partition(self, fault: Fault) -> None:
        """From now on nothing gets through to the API server, and what is under way is cut."""
        self.api.on("*", "", fault, nth=None)
        self.api.cut()

    def acts(self) -> list[Passed]:
        """What it asked of the API server, the Lease aside."""
        return [one for one in self.api.requests() if LEASES not in one.target]

    def leads_since(self) -> float:
        """When it began to do what only a leader does."""
        return min(one.begun for one in self.acts())


class Replicas:
    """Starts them, and ends them in the end."""

    def __init__(self, site: Site, access: Access, lease: float) -> None:
        self._site = site
        self._access = access
        self._lease = lease
        self._stack = ExitStack()
        self.made: list[Replica] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for replica in self.made:
            replica.process.kill9()
        self._stack.close()

    def start(self) -> Replica:
        """One more; answers at once."""
        api, kubeconfig = self._stack.enter_context(before_api_server(self._access, self._site.token))
        name = f"replica-{len(self.made)}"
        flags = {"leader_election": "true", "lease_duration": f"{self._lease:g}s"}
        made = Replica(self._site.operator(name, kubeconfig, **flags), api)
        self.made.append(made)
        return made

    def pair(self) -> tuple[Replica, Replica]:
        """A leader, and one that stands by."""
        leader = self.start()
        leader.process.wait_ready()
        standby = self.start()
        standby.process.wait_standby()
        return leader, standby

    def served(self) -> dict[str, float]:
        """When the Secret of each claim was there, by the Secret's name; monotonic seconds."""
        return {
            secret["metadata"]["name"]: one.done
            for replica in self.made
            for one in replica.api.requests("POST", f"/namespaces/{self._site.namespace}/secrets")
            if one.answered == HTTPStatus.CREATED
            and LABEL_KEY in (secret := json.loads(one.body))["metadata"]["labels"]
        }


@dataclass
class Load:
    """Claims that are made one after the other, so many a second, from `with` to its end.

    A machine that cannot serve so many gets no more than `most` at once: that it is late is not its leaders' doing.
    """

    site: Site
    replicas: Replicas
    rate: float
    most: int
    made: dict[str, float] = field(default_factory=dict[str, float])
    """When each was asked for, in monotonic seconds."""

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due, served = time.monotonic(), 0
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due, time.monotonic() - 1) + 1 / self.rate
            if len(self.made) - served >= self.most:
                served = len(self.replicas.served())
                continue
            name = f"load-{len(self.made):04}"
            self.made[name] = time.monotonic()
            self.site.apply([name])
