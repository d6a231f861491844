"""Where walks take place: two namespaces, one LiteLLM with its database, proxies before both servers, operators."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from dev.controlplane import Access
from dev.faultproxy import FaultProxy, before_api_server, before_litellm
from dev.forwarding import Upstream
from dev.litellm import Proxy
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.domain.material import Keyring, KeyValue
from tests.support.books import Books
from tests.support.cluster import Cluster, Json
from tests.support.litellm_admin import LiteLLMAdmin
from tests.support.seeds import SEED, read_keyring
from tests.support.servers import remove_namespace
from tests.support.skew import shift
from tests.support.waiting import until
from tests.walk.roles import NOWHERE, ROLES, spec_of

KEYS: Final = "litellmkeys"
ROLE_KIND: Final = "litellmroles"
CONNECTIONS: Final = "litellmconnections"
SECRETS: Final = "secrets"
CREDENTIAL: Final = "admin"
REVISIONS: Final = 100
"""More than any claim of a walk ever has."""
SEED_BYTES: Final = 32
_NOBODY: Final = "http://127.0.0.1:9"


@dataclass
class Ground:
    """Servers, the way to them for operators, and the operators; one for all walks, cleared before each.

    `skew`: by how much LiteLLM's clock is ahead of this machine's in this walk, as the proxy `clock` makes it.
    """

    home: Cluster
    team: Cluster
    books: Books
    admin: LiteLLMAdmin
    server: Proxy
    api: FaultProxy
    litellm: FaultProxy
    clock: FaultProxy
    kubeconfig: Path
    folder: Path
    operators: list[OperatorProcess] = field(default_factory=list[OperatorProcess])
    skew: timedelta = timedelta()
    _keyring: Keyring | None = None
    _walks: int = 0

    @property
    def namespaces(self) -> str:
        """Where the operators look."""
        return f"{self.home.namespace},{self.team.namespace}"

    @property
    def keyring(self) -> Keyring:
        """What values are derived from."""
        if self._keyring is None:
            self._keyring = read_keyring(self.home)
        return self._keyring

    def values(self, uid: str) -> list[tuple[int, KeyValue]]:
        """Every value that a claim may ever have, of each revision one under each seed, with the revision's number."""
        ring = self.keyring
        return [
            (number, value)
            for number in range(1, REVISIONS + 1)
            for seed in ring.seeds
            if (value := ring.value(uid, number, seed)) is not None
        ]

    def add_seed(self) -> None:
        """Another seed than before is the newest one, as soon as an operator begins."""
        self._change_seeds({str(self.keyring.newest + 1): secrets.token_bytes(SEED_BYTES)})

    def furnish(self) -> None:
        """The Connections and roles."""
        self.set_credential()
        for name, url in (("default", self.litellm.url), (NOWHERE, _NOBODY)):
            spec = {
                "url": url,
                "adminKeySecretRef": {"name": CREDENTIAL},
                "timeout": "1s",
                "sweepInterval": "10s",
            }
            self.home.create(CONNECTIONS, "LiteLLMConnection", name, spec=spec)
        for name in ROLES:
            self.home.create(ROLE_KIND, "LiteLLMRole", name, spec=spec_of(name, self.team.namespace))

    def set_roles(self, *, calm: bool = False) -> None:
        """Set every role back to what it is, or calm them all."""
        for name in ROLES:
            self.home.patch(ROLE_KIND, name, {"spec": spec_of(name, self.team.namespace, calm=calm)})

    def set_credential(self, text: str | None = None) -> None:
        """What the Connections have to show at LiteLLM: the right credential, or another text."""
        shown = self.server.master_key if text is None else text
        data = {"master-key": base64.b64encode(shown.encode()).decode()}
        if self.home.get(SECRETS, CREDENTIAL) is None:
            self.home.create(SECRETS, "Secret", CREDENTIAL, data=data)
        else:
            self.home.patch(SECRETS, CREDENTIAL, {"data": data})

    def _change_seeds(self, change: dict[str, bytes | None]) -> None:
        data = {number: seed and base64.b64encode(seed).decode() for number, seed in change.items()}
        self.home.patch(SECRETS, SEED, {"data": data})
        self._keyring = None

    def clear(self) -> None:
        """Nothing is left of the walk before: no operator, no fault, no claim, no key."""
        for process in self.operators:
            process.kill9()
        self.operators.clear()
        self.api.clear()
        self.litellm.clear()
        self.clock.clear()
        for name in self.team.all(KEYS):
            strip(self.team, name)
            with suppress(AssertionError):
                self.team.delete(KEYS, name)
        for name in self.team.all(SECRETS):
            with suppress(AssertionError):  # the garbage collector was faster
                self.team.delete(SECRETS, name)
        self.set_credential()
        self.set_roles()
        if self._walks:
            self._change_seeds({str(number): None for number in self.keyring.seeds if number != self.keyring.newest})
        self.sql('delete from "LiteLLM_VerificationToken"', 'delete from "LiteLLM_DeletedVerificationToken"')

    def sql(self, *statements: str) -> list[list[str]]:
        """What LiteLLM's database answers, all statements in one transaction."""
        text = self.server.postgres.psql(self.server.database, "begin", *statements, "commit")
        return [line.split("|") for line in text.splitlines()]

    def operator(self, name: str = "operator") -> OperatorProcess:
        """Start an operator that retries at once; answers before it is ready."""
        flags = {
            "namespaces": self.namespaces,
            "operator_namespace": self.home.namespace,
            "leader_election": "false",
            "reload_interval": "1s",
            "retry_min": "100ms",
            "retry_max": "1s",
            "request_timeout": "2s",
        }
        process = OperatorProcess(self.kubeconfig, self.folder, name=f"{name}-{self._walks}", **flags).start()
        self.operators.append(process)
        return process

    def begin(self, wrong: timedelta) -> OperatorProcess:
        """The first operator of the next walk, at a cleared place where LiteLLM's clock is so wrong."""
        self.clear()
        self._walks += 1
        self.skew = wrong
        shift(self.clock, wrong)
        return self.operator().wait_ready()

    def second_of(self, moment: str) -> float:
        """When LiteLLM's clock shows this moment, on this machine's."""
        return (datetime.fromisoformat(moment) - self.skew).timestamp()

    def look_after_operators(self) -> None:
        """One that gave up begins anew, as a Deployment would have it."""
        for process in self.operators:
            if not process.running:
                process.start()

    def bugs(self) -> list[dict[str, Any]]:
        """What operators logged as a bug of their own."""
        return [line for process in self.operators for line in process.logged("bug")]


def strip(cluster: Cluster, name: str) -> Json:
    """Take the finalizers off a claim, as a tenant might; answers it as it was, or is."""
    return cluster.patch(KEYS, name, {"metadata": {"finalizers": None}})


def _serves(cluster: Cluster) -> bool:
    with suppress(AssertionError):
        return all(cluster.all(kind) == {} for kind in (KEYS, ROLE_KIND, CONNECTIONS))
    return False


@contextmanager
def opened(access: Access, server: Proxy, folder: Path) -> Generator[Ground]:
    """A furnished ground; its operators end with it."""
    suffix = secrets.token_hex(4)
    with ExitStack() as stack:
        api, kubeconfig = stack.enter_context(before_api_server(access))
        clock = stack.enter_context(before_litellm(server))
        litellm = stack.enter_context(FaultProxy(Upstream(clock.url)))
        clusters: list[Cluster] = []
        for name in (f"walk-home-{suffix}", f"walk-team-{suffix}"):
            access.kubectl("create", "namespace", name)
            stack.callback(remove_namespace, access, name)
            clusters.append(stack.enter_context(Cluster(access, name)))
        books, admin = stack.enter_context(Books(server)), stack.enter_context(LiteLLMAdmin(server))
        home, team = clusters
        until(lambda: _serves(home), "the API server to serve what was defined just now")
        made = Ground(home, team, books, admin, server, api, litellm, clock, kubeconfig, folder)
        made.furnish()
        stack.callback(made.clear)
        yield made
