"""One state of everything: cluster, proxies, what travels between them, and what the processes remember."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Final

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.loose import mapping
from litellm_key_operator.domain.material import Keyring, KeyValue, Material
from litellm_key_operator.domain.record import Record, record
from litellm_key_operator.domain.state import Place, Revision
from litellm_key_operator.engine.memory import Memory
from tests.support.fake_cluster import FakeCluster
from tests.support.fake_litellm import FakeLiteLLM
from tests.support.fake_objects import State

NAMESPACE: Final = "team-a"
NAME: Final = "app"
PROXIES: Final = {"http://one.test": "one", "http://two.test": "two"}
FIRST: Final = "http://one.test"
ELSEWHERE: Final = "elsewhere"
"""Another installation."""
TTL: Final = timedelta(hours=1)
FURTHEST: Final = 12
"""The highest revision whose value is recognised; no scenario gets as far."""

Memories = dict[str, Memory]
"""What one process remembers, by uid."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose value a token is."""

    uid: str
    number: int


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was sent and will arrive at a moment of its own choice, whatever became of its sender."""

    url: str
    name: str
    args: tuple[object, ...]

    @property
    def token_id(self) -> str | None:
        """The token that its arrival could make live; None if it makes none."""
        match self.name, self.args:
            case "generate", (KeyValue() as value, fields) if not mapping(fields).get("blocked"):
                return value.token_id
            case _:
                return None

    @property
    def identity(self) -> Hashable:
        """What tells it from another."""
        told = [getattr(arg, "token_id", arg) for arg in self.args]
        return self.url, self.name, json.dumps(told, sort_keys=True)


@dataclass(slots=True)
class World:
    """A state of everything, and how it came to it.

    `seeds`: how many the keyring has. `excused`: tokens whose resource somebody took from under us, so that only a
    process that still remembers them can end them; `owed` are those that one does remember. `outlived` are uids whose
    published key's time is over. `trail` says what happened.
    """

    state: State = field(default_factory=State)
    proxies: dict[str, FakeLiteLLM] = field(default_factory=dict[str, FakeLiteLLM])
    travelling: tuple[Request, ...] = ()
    processes: tuple[Memories, ...] = ({},)
    seeds: int = 1
    excused: frozenset[Place] = frozenset()
    owed: frozenset[Place] = frozenset()
    outlived: frozenset[str] = frozenset()
    trail: tuple[str, ...] = ()

    @property
    def cluster(self) -> FakeCluster:
        """The cluster as its users see it."""
        return FakeCluster(self.state)

    @property
    def ring(self) -> Keyring:
        """The keyring of every process."""
        return ring(self.seeds)

    @property
    def claim(self) -> LiteLLMKey | None:
        """The one claim that scenarios are about, if it is there."""
        return self.state.keys.get((NAMESPACE, NAME))

    @property
    def proxy(self) -> FakeLiteLLM:
        """The proxy that the role points at."""
        return self.proxies[FIRST]

    def copy(self, step: str | None = None) -> World:
        """Another world in the same state, one step further on the trail."""
        return replace(
            self,
            state=self.state.copy(),
            proxies={url: proxy.copy() for url, proxy in self.proxies.items()},
            processes=tuple(_remembered(memories) for memories in self.processes),
            trail=self.trail if step is None else (*self.trail, step),
        )

    def key(self) -> Hashable:
        """Equal for states that nothing could ever tell apart."""
        s = self.state
        return (
            tuple(_told(key) for key in s.keys.values()),
            frozenset((at, secret.identity) for at, secret in s.secrets.items()),
            (len(s.roles), len(s.connections), s.clock),
            tuple(proxy.key() for proxy in self.proxies.values()),
            frozenset(request.identity for request in self.travelling),
            tuple(_memory_key(memories) for memories in self.processes),
            self.seeds,
            self.excused,
            self.owed,
            self.outlived,
        )

    def restart(self, number: int = 0) -> None:
        """A process ends, however it ends: what it remembered is lost, and so is what it owed."""
        self.processes = tuple({} if n == number else memories for n, memories in enumerate(self.processes))
        kept = frozenset(place for memories in self.processes for place in sent(memories))
        self.owed &= kept

    def live(self) -> set[Place]:
        """Every token of ours that some proxy accepts."""
        return {
            (url, token)
            for url, proxy in self.proxies.items()
            for token in proxy.rows
            if token in origins(self.seeds) and proxy.accepts(token)
        }

    def coming(self) -> set[Place]:
        """Every token of ours that is not live and would be, should what travels arrive."""
        return {
            (request.url, token)
            for request in self.travelling
            if (token := request.token_id) is not None and token not in self.proxies[request.url].rows
        }

    def records(self) -> Iterator[tuple[LiteLLMKey, Record]]:
        """Every resource with what it remembers."""
        return ((key, record(key)) for key in self.state.keys.values())

    def revision(self, uid: str, number: int, url: str = FIRST) -> Revision:
        """A revision of some resource."""
        return Material(self.ring, uid).revision(number, url)


def sent(memories: Memories) -> Iterator[Place]:
    """Registrations that a process remembers to have sent and not to have reported."""
    return (place for memory in memories.values() for place in memory.sent)


@cache
def ring(seeds: int) -> Keyring:
    """The installation's keyring with so many seeds."""
    return Keyring("here", {number: bytes([number]) * 32 for number in range(1, seeds + 1)})


@cache
def origins(seeds: int) -> dict[str, Origin]:
    """Whose value every token is that can occur."""
    keyring = ring(seeds)
    found: dict[str, Origin] = {}
    for uid in UIDS:
        for number in range(1, FURTHEST + 1):
            for seed in keyring.seeds:
                value = keyring.value(uid, number, seed)
                if value is not None:
                    found[value.token_id] = Origin(uid, number)
    return found


UIDS: Final = ("uid-one", "uid-two", "uid-three")
"""The uids of the claim and, if it is made again under the same name, of its successors."""


def fresh(*, proxies: int = 1, processes: int = 1, **spec: object) -> World:
    """A world with one claim that nothing was done for yet; `spec` are further fields of the claim's spec."""
    world = World(processes=tuple({} for _ in range(processes)))
    cluster = world.cluster
    for url, name in list(PROXIES.items())[:proxies]:
        world.proxies[url] = FakeLiteLLM()
        connection = {"url": url, "adminKeySecretRef": {"name": "admin"}}
        cluster.apply(
            LiteLLMConnection.model_validate({"metadata": {"namespace": NAMESPACE, "name": name}, "spec": connection})
        )
    lives = {"ttl": "1h", "maxTTL": "2h", "renewal": {"overlap": "5m"}}
    role = {"connectionRef": {"name": "one"}, "models": ["small"], "limits": {"rpm": 10}, **lives}
    if spec.get("deletionPolicy") == "Retain":
        role["deletionPolicy"] = "Retain"
    cluster.apply(LiteLLMRole.model_validate({"metadata": {"namespace": NAMESPACE, "name": "role"}, "spec": role}))
    cluster.apply(claim(UIDS[0], **spec))
    return world


def claim(uid: str, **spec: object) -> LiteLLMKey:
    """The claim, as somebody applies it."""
    body = {"roleRef": {"name": "role"}, **spec}
    return LiteLLMKey.model_validate({"metadata": {"namespace": NAMESPACE, "name": NAME, "uid": uid}, "spec": body})


def _told(key: LiteLLMKey) -> str:
    """All of a claim but its resourceVersion. Worlds share their claims, so each is written out once."""
    had = _TOLD.get(id(key))
    if had is None:
        if len(_TOLD) > _MOST_TOLD:
            _TOLD.clear()
        had = _TOLD[id(key)] = key, key.model_dump_json(exclude={"metadata": {"resource_version": True}})
    return had[1]


_MOST_TOLD: Final = 5000
_TOLD: Final = dict[int, tuple[LiteLLMKey, str]]()


def _remembered(memories: Memories) -> Memories:
    return {uid: replace(memory, trace=dict(memory.trace), sent=dict(memory.sent)) for uid, memory in memories.items()}


def _memory_key(memories: Memories) -> Hashable:
    return frozenset(
        (
            uid,
            frozenset(memory.trace.items()),
            frozenset(memory.sent),
            memory.suspect,
            None if memory.refusal is None else (memory.refusal.until, type(memory.refusal.step).__name__),
            None if memory.want is None else (memory.want.alias, memory.want.proxy),
        )
        for uid, memory in memories.items()
    )
