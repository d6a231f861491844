"""Where operators are killed: one namespace at the real servers, each behind a proxy that can hold its requests."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dev.faultproxy import FaultProxy
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.api.names import ANNOTATION_ROTATE
from litellm_key_operator.domain.material import Keyring, KeyValue
from tests.support.books import MODEL, Books
from tests.support.cluster import Cluster, Json
from tests.support.seeds import read_keyring

KEYS: Final = "litellmkeys"
SECRETS: Final = "secrets"
REVISIONS: Final = range(1, 9)
"""More than any key here ever has."""
SWEPT: Final = "swept"
"""Name of the Connection, and of its role, whose keys are compared with LiteLLM all the time."""
ROTATING: Final = "rotating"
"""Name of a role whose keys overlap for seconds when they are rotated."""
RETAINING: Final = "retaining"
"""Name of a role whose keys live on when their claim is gone."""
PLAIN: Final = "plain"
"""Name of the other Connection, and of its role."""


@dataclass(slots=True)
class Site:
    """Servers, the way to them for an operator, and the operators."""

    cluster: Cluster
    books: Books
    api: FaultProxy
    litellm: FaultProxy
    kubeconfig: Path
    folder: Path
    token: str
    """The operator's, at the API server."""
    operators: list[OperatorProcess] = field(default_factory=list[OperatorProcess])
    _keyring: Keyring | None = None

    @property
    def namespace(self) -> str:
        """The only one that operators here look at."""
        return self.cluster.namespace

    @property
    def proxies(self) -> dict[str, FaultProxy]:
        """What an operator speaks through."""
        return {"kubernetes": self.api, "litellm": self.litellm}

    def furnish(self, master_key: str) -> None:
        """Connections and roles. Calls that are held must neither time out nor keep others waiting."""
        admin = {"master-key": base64.b64encode(master_key.encode()).decode()}
        self.cluster.create(SECRETS, "Secret", "admin", data=admin)
        role: Json = {}
        for name, interval in ((PLAIN, "10m"), (SWEPT, "10s")):
            connection = {
                "url": self.litellm.url,
                "adminKeySecretRef": {"name": "admin"},
                "timeout": "25s",
                "maxInFlight": 128,
                "sweepInterval": interval,
            }
            self.cluster.create("litellmconnections", "LiteLLMConnection", name, spec=connection)
            role = {"connectionRef": {"name": name}, "models": [MODEL], "limits": {"rpm": 1000}, "ttl": "1h"}
            self.cluster.create("litellmroles", "LiteLLMRole", name, spec=role)
        for name, more in ((RETAINING, {"deletionPolicy": "Retain"}), (ROTATING, {"renewal": {"overlap": "3s"}})):
            self.cluster.create("litellmroles", "LiteLLMRole", name, spec={**role, **more})

    def operator(self, name: str = "operator", kubeconfig: Path | None = None, **flags: str) -> OperatorProcess:
        """Start an operator that retries at once; it works alone unless it is told of the election.

        `kubeconfig` may lead it to the API server by a way of its own.
        """
        settings = {
            "namespaces": self.namespace,
            "operator_namespace": self.namespace,
            "leader_election": "false",
            "workers": "128",
            "retry_min": "100ms",
            "retry_max": "2s",
            "request_timeout": "30s",
            **flags,
        }
        process = OperatorProcess(kubeconfig or self.kubeconfig, self.folder, name=name, **settings).start()
        self.operators.append(process)
        return process

    def end(self) -> None:
        """End the operators; nothing is held any more, and nothing keeps the claims."""
        for process in self.operators:
            process.kill9()
        for proxy in self.proxies.values():
            proxy.clear()
        for name in self.cluster.all(KEYS):
            self.cluster.patch(KEYS, name, {"metadata": {"finalizers": None}})

    def apply(self, names: Iterable[str], *, role: str = PLAIN, **spec: Any) -> None:
        """Claims of these names."""
        for name in names:
            self.cluster.create(KEYS, "LiteLLMKey", name, spec={"roleRef": {"name": role}, **spec})

    def edit(self, names: Iterable[str], spec: Callable[[str], Json]) -> None:
        """Change the specs of claims, each as its name says."""
        for name in names:
            self.cluster.patch(KEYS, name, {"spec": spec(name)})

    def rotate(self, names: Iterable[str]) -> None:
        """Ask for a rotation of claims."""
        for name in names:
            self.cluster.patch(KEYS, name, {"metadata": {"annotations": {ANNOTATION_ROTATE: "now"}}})

    def delete(self, names: Iterable[str]) -> None:
        """Delete claims; their finalizers keep them as long as need be."""
        for name in names:
            self.cluster.delete(KEYS, name)

    def uids(self, names: Sequence[str]) -> dict[str, str]:
        """The uids of claims, by name."""
        there = self.cluster.all(KEYS)
        return {name: there[name]["metadata"]["uid"] for name in names}

    def values(self, uid: str) -> list[KeyValue]:
        """Every value that a claim may ever have had, the first one first."""
        ring = self.keyring
        return [value for number in REVISIONS if (value := ring.value(uid, number, ring.newest)) is not None]

    @property
    def keyring(self) -> Keyring:
        """What values are derived from; there is none before an operator ran."""
        if self._keyring is None:
            self._keyring = read_keyring(self.cluster)
        return self._keyring
