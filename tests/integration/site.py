"""A platform's namespace and those of three teams on the real servers, and one operator that looks after them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dev.account import Account
from dev.controlplane import Access
from dev.faultproxy import FaultProxy
from dev.operatorprocess import OperatorProcess
from tests.support.cluster import Cluster, Json
from tests.support.litellm_admin import SMALL, LiteLLMAdmin
from tests.support.waiting import until

CONNECTIONS: Final = "litellmconnections"
ROLES: Final = "litellmroles"
KEYS: Final = "litellmkeys"
SECRETS: Final = "secrets"
DEFAULT: Final = "default"
"""Name of the Connection that is compared with LiteLLM too seldom to be noticed."""
SWEPT: Final = "swept"
"""Name of the one that is compared all the time."""
GOOD: Final = (("True", "Issued"), ("True", "UpToDate"))


@dataclass(slots=True)
class Site:
    """Servers, the proxies through which the operator speaks to them, its account, where it works, and itself."""

    access: Access
    admin: LiteLLMAdmin
    api: FaultProxy
    litellm: FaultProxy
    kubeconfig: Path
    folder: Path
    clusters: dict[str, Cluster]
    account: Account
    flags: dict[str, str]
    operators: list[OperatorProcess] = field(default_factory=list[OperatorProcess])
    lost: set[str] = field(default_factory=set[str])
    """Namespaces that were deleted and made anew: their Roles were gone for a while."""

    @property
    def home(self) -> str:
        """The platform's namespace."""
        return next(iter(self.clusters))

    @property
    def teams(self) -> list[str]:
        """The others."""
        return list(self.clusters)[1:]

    @property
    def operator(self) -> OperatorProcess:
        """The one that was started last."""
        return self.operators[-1]

    def at(self, namespace: str = "") -> Cluster:
        """The objects of a namespace, the platform's if none is named."""
        return self.clusters[namespace or self.home]

    def start(self, **flags: str) -> OperatorProcess:
        """Start an operator that does at once what it would do soon."""
        settings = {
            **self.flags,
            "leader_election": "false",
            "reload_interval": "1s",
            "retry_min": "100ms",
            "retry_max": "2s",
            **flags,
        }
        process = OperatorProcess(self.kubeconfig, self.folder, **settings).start()
        self.operators.append(process)
        return process

    def connection(self, name: str, namespace: str = "", **spec: Any) -> None:
        """A Connection by the fault proxy, with the master key unless another Secret is named."""
        whole = {"url": self.litellm.url, "adminKeySecretRef": {"name": "admin"}, "sweepInterval": "10m", **spec}
        self.at(namespace).create(CONNECTIONS, "LiteLLMConnection", name, spec=whole)

    def connection_says(self, name: str, namespace: str = "") -> tuple[str, str]:
        """Status and reason of a Connection's Ready."""
        return _conditions(self.at(namespace).get(CONNECTIONS, name) or {}).get("Ready", ("", ""))

    def connection_message(self, name: str, namespace: str = "") -> str:
        """The message of a Connection's Ready."""
        conditions = (self.at(namespace).get(CONNECTIONS, name) or {})["status"]["conditions"]
        return str(next(one["message"] for one in conditions if one["type"] == "Ready"))

    def secret(self, name: str, namespace: str = "", **data: str) -> None:
        """A Secret of somebody."""
        self.at(namespace).create(SECRETS, "Secret", name, data={key: encoded(text) for key, text in data.items()})

    def role(self, name: str, namespace: str = "", **spec: Any) -> None:
        """A Role for the small model and an hour, unless told otherwise."""
        whole = {"models": [SMALL], "ttl": "1h", **spec}
        self.at(namespace).create(ROLES, "LiteLLMRole", name, spec=whole)

    def edit_role(self, name: str, namespace: str = "", **spec: Any) -> None:
        """Change a Role; None takes a field out."""
        self.at(namespace).patch(ROLES, name, {"spec": spec})

    def claim(
        self, name: str, role: str, namespace: str = "", *, annotations: dict[str, str] | None = None, **spec: Any
    ) -> Claim:
        """A Key of a Role of the platform; without a namespace in the platform's own."""
        ref = {"name": role, "namespace": self.home}
        metadata = {"annotations": annotations or {}}
        cluster = self.at(namespace)
        cluster.create(KEYS, "LiteLLMKey", name, metadata=metadata, spec={"roleRef": ref, **spec})
        return Claim(self, cluster, name)

    def runs(self) -> float:
        """How often the operator looked at Keys."""
        return self.operator.metric("litellm_key_reconcile_total", kind="LiteLLMKey") or self.operator.metric(
            "litellm_key_reconcile_total", kind="key"
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """A Key that was applied, its Secret, and its row in LiteLLM."""

    site: Site
    cluster: Cluster
    name: str

    @property
    def resource(self) -> Json:
        """The resource, which must be there."""
        found = self.cluster.get(KEYS, self.name)
        assert found is not None, f"{self.name} is gone"
        return found

    @property
    def status(self) -> Json:
        """Its status; empty if there is none."""
        status: Json = self.resource.get("status", {})
        return status

    @property
    def gone(self) -> bool:
        """Whether there is no such resource."""
        return self.cluster.get(KEYS, self.name) is None

    def says(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Status and reason of Ready and of Synced, as far as they are about the present spec."""
        resource = self.resource
        if resource.get("status", {}).get("observedGeneration") != resource["metadata"]["generation"]:
            return ("", ""), ("", "")
        said = _conditions(resource)
        return said.get("Ready", ("", "")), said.get("Synced", ("", ""))

    def message(self, kind: str) -> str:
        """The message of a condition."""
        return str(next(c["message"] for c in self.status["conditions"] if c["type"] == kind))

    def wait(self, ready: str = "Issued", synced: str = "UpToDate", seconds: float = 60.0) -> Claim:
        """Wait for these reasons; answers itself."""

        def stands() -> str:
            return f"{self.name} to be {ready}, {synced}; it is {self.status.get('conditions')}"

        until(lambda: tuple(reason for _, reason in self.says()) == (ready, synced), stands, seconds)
        return self

    def wait_gone(self, seconds: float = 60.0) -> None:
        """Wait until the resource is not there any more."""
        until(lambda: self.gone, lambda: f"{self.name} to go; it has {self.cluster.get(KEYS, self.name)}", seconds)

    def secret(self, name: str = "") -> Json | None:
        """The Secret of this name, the Key's own if none is given."""
        return self.cluster.get(SECRETS, name or self.name)

    def data(self, name: str = "") -> dict[str, str]:
        """What it holds; nothing if it is not there."""
        found = self.secret(name) or {}
        return {key: base64.b64decode(text).decode() for key, text in found.get("data", {}).items()}

    @property
    def value(self) -> str:
        """The key in the Secret."""
        return self.data()["api-key"]

    @property
    def token_id(self) -> str:
        """LiteLLM's id of it, as the status says."""
        return str(self.status["tokenID"])

    def row(self) -> Json | None:
        """LiteLLM's row of it."""
        return self.site.admin.row(self.token_id)

    def field(self, name: str) -> Any:
        """A column of that row; None if it is gone."""
        return (self.row() or {}).get(name)

    def edit(self, **spec: Any) -> None:
        """Change the spec; None takes a field out."""
        self.cluster.patch(KEYS, self.name, {"spec": spec})

    def annotate(self, **annotations: str | None) -> None:
        """Set, or take off, annotations of ours, by the name behind the slash with _ for -."""
        named = {f"llmkeys.io/{name.replace('_', '-')}": text for name, text in annotations.items()}
        self.cluster.patch(KEYS, self.name, {"metadata": {"annotations": named}})

    def delete(self) -> None:
        """Ask for its deletion."""
        self.cluster.delete(KEYS, self.name)

    def events(self) -> dict[str, str]:
        """The Events about it: messages by reason."""
        found = self.cluster.all("events").values()
        return {e["reason"]: e.get("message", "") for e in found if e["involvedObject"]["name"] == self.name}

    def wait_event(self, reason: str) -> str:
        """Wait for an Event; answers its message."""
        return str(until(lambda: self.events().get(reason), f"{reason} about {self.name}"))


def encoded(text: str) -> str:
    """As a Secret's data has it."""
    return base64.b64encode(text.encode()).decode()


def _conditions(resource: Json) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in resource.get("status", {}).get("conditions", ())}
