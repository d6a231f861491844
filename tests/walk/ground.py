"""Where walks take place: two namespaces, one LiteLLM with its database, proxies before both servers, operators."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dev.controlplane import Access
from dev.faultproxy import FaultProxy, before_api_server, before_litellm
from dev.litellm import Proxy
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.domain.material import Keyring, KeyValue
from tests.support.books import Books
from tests.support.cluster import Cluster, Json
from tests.support.litellm_admin import LiteLLMAdmin
from tests.support.seeds import read_keyring
from tests.support.servers import remove_namespace
from tests.support.waiting import until
from tests.walk.roles import NOWHERE, ROLES, spec_of

KEYS: Final = "litellmkeys"
ROLE_KIND: Final = "litellmroles"
CONNECTIONS: Final = "litellmconnections"
SECRETS: Final = "secrets"
CREDENTIAL: Final = "admin"
REVISIONS: Final = 100
"""More than any claim of a walk ever has."""
_NOBODY: Final = "http://127.0.0.1:9"


@dataclass
class Ground:
    """Servers, the way to them for operators, and the operators; one for all walks, cleared before each."""

    home: Cluster
    team: Cluster
    books: Books
    admin: LiteLLMAdmin
    server: Proxy
    api: FaultProxy
    litellm: FaultProxy
    kubeconfig: Path
    folder: Path
    operators: list[OperatorProcess] = field(default_factory=list[OperatorProcess])
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

    def values(self, uid: str) -> list[KeyValue]:
        """Every value that a claim may ever have, the first one first."""
        ring = self.keyring
        made = (ring.value(uid, number, ring.newest) for number in range(1, REVISIONS + 1))
        return [value for value in made if value is not None]

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

    def clear(self) -> None:
        """Nothing is left of the walk before: no operator, no fault, no claim, no key."""
        for process in self.operators:
            process.kill9()
        self.operators.clear()
        self.api.clear()
        self.litellm.clear()
        for name in self.team.all(KEYS):
            strip(self.team, name)
            with suppress(AssertionError):
                self.team.delete(KEYS, name)
        for name in self.team.all(SECRETS):
            with suppress(AssertionError):  # the garbage collector was faster
                self.team.delete(SECRETS, name)
        self.set_credential()
        self.set_roles()
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

    def begin(self) -> OperatorProcess:
        """The first operator of the next walk, at a cleared place."""
        self.clear()
        self._walks += 1
        return self.operator().wait_ready()

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
        litellm = stack.enter_context(before_litellm(server))
        clusters: list[Cluster] = []
        for name in (f"walk-home-{suffix}", f"walk-team-{suffix}"):
            access.kubectl("create", "namespace", name)
            stack.callback(remove_namespace, access, name)
            clusters.append(stack.enter_context(Cluster(access, name)))
        books, admin = stack.enter_context(Books(server)), stack.enter_context(LiteLLMAdmin(server))
        home, team = clusters
        until(lambda: _serves(home), "the API server to serve what was defined just now")
        made = Ground(home, team, books, admin, server, api, litellm, kubeconfig, folder)
        made.furnish()
        stack.callback(made.clear)
        yield made
