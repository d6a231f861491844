"""One run of one process over one resource, held before and after each of its calls."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from types import coroutine
from typing import Any, Final, Literal

from typing_extensions import override

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import EventReason
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.keys import Keys, Outcome
from litellm_key_operator.engine.local import Local
from litellm_key_operator.engine.remote import Remote
from litellm_key_operator.engine.resolve import Resolver
from litellm_key_operator.engine.voice import Voice
from litellm_key_operator.ports import Gateway, Gateways, Journal, Notice
from tests.simulation.invariants import Violation, Watch
from tests.simulation.world import NAMESPACE, PROXIES, Request, World
from tests.support.fake_litellm import FakeGateway
from tests.support.fake_objects import Hook

When = Literal["before", "after"]
PATIENCE: Final = timedelta(minutes=5)
TO_LITELLM: Final = frozenset({"generate", "info", "left", "update", "delete", "find"})
_TOLD: Final = 8
CHANGES_LITELLM: Final = frozenset({"generate", "update", "delete"})


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a run is held at: before its effect, or after it with the answer still on the way."""

    when: When
    name: str
    args: tuple[object, ...]
    url: str | None

    @property
    def request(self) -> Request | None:
        """What travels, should its sender not live to see the answer; None for what does not change LiteLLM."""
        if self.url is None or self.name not in CHANGES_LITELLM:
            return None
        return Request(self.url, self.name, self.args)


class Silence(Voice):
    """Nobody listens."""

    @override
    def say(self, about: LiteLLMKey | LiteLLMRole | LiteLLMConnection, reason: EventReason, message: str) -> None:
        """Nothing."""


class Nobody(Journal):
    """Reads no Events."""

    @override
    def note(self, notice: Notice) -> None:
        """Nothing."""


@dataclass(slots=True)
class Clients(Gateways):
    """One process's clients, to every proxy there is."""

    world: World
    hooks: Callable[[str], Hook]

    @override
    def get(self, namespace: str, name: str, url: str) -> Gateway | None:
        if namespace != NAMESPACE or PROXIES.get(url) != name or url not in self.world.proxies:
            return None
        return FakeGateway(self.world.proxies[url], url, self.hooks(url))


@dataclass(slots=True)
class Activity:
    """A run under way. It works on the world itself; who wants to go back takes a copy at a call.

    `blind`: the process's watch has not shown it the Secrets yet. `disturbed`: others were let in at one of its calls.
    """

    world: World
    uid: str
    number: int = 0
    blind: bool = False
    disturbed: bool = False
    at: Call | None = None
    outcome: Outcome | OutsideError | None = None
    calls: list[str] = field(default_factory=list[str])
    _watch: Watch = field(init=False)
    _steps: Coroutine[None, None, Outcome] = field(init=False)

    def __post_init__(self) -> None:
        self._watch = Watch(self.world, self.uid)
        self._steps = self._keys().run(self.uid)
        self._resume()

    @property
    def over(self) -> bool:
        """Whether it came to its end."""
        return self.outcome is not None

    def go_on(self, failure: OutsideError | None = None) -> None:
        """On to the next place to hold at; or what it is held at fails so."""
        self._resume(failure)

    def finish(self) -> World:
        """On to the end, undisturbed."""
        while not self.over:
            self._resume()
        return self.world

    def drop(self) -> None:
        """The process dies here."""
        self._steps.close()

    def _resume(self, failure: OutsideError | None = None) -> None:
        held = self.at
        if held is not None and held.when == "before" and failure is None:
            self._watch.look(held)
        self.at = None
        try:
            if failure is not None:
                self._steps.throw(failure)
            else:
                self._steps.send(None)
        except StopIteration as end:
            self.outcome = end.value
        except OutsideError as error:
            self.outcome = error
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"{error!r} after {', '.join(self.calls[-_TOLD:])}", self.world) from error
        if self.at is not None and self.at.when == "after":
            self.calls.append(self.at.name)
        self._watch.check(self.at, disturbed=self.disturbed)

    def _hooks(self, url: str | None) -> Hook:
        async def hook(when: When, name: str, args: tuple[object, ...]) -> None:
            self.at = Call(when, name, args, url)
            await _held()

        return hook

    def _keys(self) -> Keys:
        world, cache = self.world, Cache()
        for key in world.state.keys.values():
            cache.put_key(key)
        cache.roles.update(world.state.roles)
        cache.connections.update(world.state.connections)
        cache.namespaces.update(world.state.namespaces)
        for secret in () if self.blind else world.state.secrets.values():
            cache.put_secret(secret.seen)
        clients, voice = Clients(world, self._hooks), Silence(Nobody())
        cluster = world.cluster.seen_by(self._hooks(None))

        def clock() -> Any:
            return world.state.clock

        return Keys(
            cache,
            Resolver(
                cache=cache,
                gateways=clients,
                ready=lambda _connection: True,
                team_exists=lambda _role: True,
                keyring=world.ring,
                cluster_name="",
            ),
            Remote(cache, clients, voice, clock, PATIENCE),
            Local(cluster.resources, cluster.secrets, cache, voice),
            clock,
            world.processes[self.number],
        )


@coroutine
def _held() -> Generator[None]:
    yield
