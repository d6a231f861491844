"""One run over one Key: observe, decide, do, until it is settled; then say how it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from litellm_key_operator import metrics
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import EventReason, KeyReason
from litellm_key_operator.domain import plan
from litellm_key_operator.domain.decide import decide
from litellm_key_operator.domain.ending import end
from litellm_key_operator.domain.errors import Conflict, Denied, Gone, OutsideError, Rejected, Unavailable
from litellm_key_operator.domain.expiry import EXPIRED
from litellm_key_operator.domain.picture import Seen, Want, first
from litellm_key_operator.domain.plan import DESTROYS, Note, Settled, Step
from litellm_key_operator.domain.record import Record, record, status
from litellm_key_operator.domain.report import conditions, of_key, transitions
from litellm_key_operator.domain.schedule import next_look
from litellm_key_operator.domain.verdict import of_error
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.local import Local
from litellm_key_operator.engine.memory import Memory
from litellm_key_operator.engine.remote import Remote
from litellm_key_operator.engine.resolve import Resolver
from litellm_key_operator.engine.run import Finished, Run
from litellm_key_operator.ports import Gateway

_MOST_STEPS: Final = 200
"""In one run; far more than any plan has. A core that does not settle must not spin."""


_GATHERED: Final = timedelta(milliseconds=250)
"""So much later at most is an end looked at than it is reached."""


_NOBODY_TELLS: Final = frozenset({KeyReason.SECRET_CONFLICT, KeyReason.ALIAS_CONFLICT})
"""What ends without an event that would reach us."""


_LITELLM_TELLS: Final = frozenset({KeyReason.EXTERNALLY_BLOCKED, KeyReason.EXTERNALLY_DELETED, KeyReason.DRIFTED})
"""What the row in LiteLLM said: no run may say something else before it looked there again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `error`: what stopped it. `again`: the resource changed meanwhile, look at once.

    `retry`: something that no event will tell of stands in the way. `due`: the next moment that needs a run, on this
    machine's clock. `gone`: there is no such resource.
    """

    error: OutsideError | None = None
    again: bool = False
    retry: bool = False
    due: datetime | None = None
    gone: bool = False


@dataclass(slots=True)
class Keys:
    """Runs over Keys. It owns what this process remembers of each, and nothing else."""

    cache: Cache
    resolver: Resolver
    remote: Remote
    local: Local
    clock: Callable[[], datetime]
    memories: dict[str, Memory] = field(default_factory=dict[str, Memory])

    def suspect(self, uid: str) -> None:
        """The next run is to look at the key's row in LiteLLM."""
        self.memories.setdefault(uid, Memory()).suspect = True

    async def run(self, uid: str) -> Outcome:
        """One run over the resource of this uid."""
        key = self.cache.keys.get(uid)
        if key is None:
            return await self._take_back(uid)
        memory = self.memories.setdefault(uid, Memory())
        run = self._begin(key, memory)
        try:
            outcome = await self._settle(run)
        except Finished:
            self.memories.pop(uid, None)
            return Outcome()
        except Conflict:
            return await self._look_again(run)
        except Gone:
            self.cache.drop_key(uid)
            return await self._take_back(uid)
        if outcome.error is None and not memory.sent and run.seen.record.pending is None and memory.refusal is None:
            self.memories.pop(uid, None)
        return outcome

    def _begin(self, key: LiteLLMKey, memory: Memory) -> Run:
        want = self.resolver.want(key)
        seen = Seen(
            now=self._now(want),
            record=record(key),
            watched=self.cache.secrets_for(key),
            trace=dict(memory.trace),
            suspect=memory.suspect or any(condition.reason in _LITELLM_TELLS for condition in key.status.conditions),
            likely=self._likely_now(want),
        )
        return Run(want, seen, memory)

    def _gateway(self, want: Want) -> Gateway | None:
        proxy = want.proxy
        return self.resolver.gateways.get(proxy.namespace, proxy.name, proxy.url) if proxy is not None else None

    def _now(self, want: Want) -> datetime:
        gateway = self._gateway(want)
        return gateway.now() if gateway is not None else self.clock()

    def _likely_now(self, want: Want) -> datetime:
        gateway = self._gateway(want)
        return gateway.likely_now() if gateway is not None else self.clock()

    async def _settle(self, run: Run) -> Outcome:
        """Steps until the core is content or something fails; then the status says so."""
        error: OutsideError | None = None
        try:
            verdict = await self._walk(run)
        except (Unavailable, Denied, Rejected) as failure:
            error = failure
            verdict = of_error(failure, run.want, run.seen.record, run.seen.now)
        else:
            run.memory.suspect = False
        await self._say(run, verdict)
        problem = verdict.synced
        retry = problem is not None and (run.want.deleting or problem.reason in _NOBODY_TELLS)
        return Outcome(error=error, retry=retry or error is not None, due=self._due(run))

    async def _walk(self, run: Run) -> Settled:
        for _ in range(_MOST_STEPS):
            step = decide(run.want, run.seen)
            if isinstance(step, Settled):
                return step
            if isinstance(step, DESTROYS) and not run.confirmed:
                await self.local.confirm(run)
            await self._do(run, step)
        message = f"no end after {_MOST_STEPS} steps"
        raise RuntimeError(message)

    async def _do(self, run: Run, step: Step) -> None:
        match step:
            case Note():
                await self._note(run, step)
            case plan.Ask() | plan.AskAlias() | plan.Register() | plan.Update() | plan.Revoke() | plan.Bury():
                await self.remote.do(run, step)
            case _:
                await self.local.do(run, step)

    async def _note(self, run: Run, step: Note) -> None:
        """Remember, and say in the same write how the resource stands, if that is known by then."""
        if step.record.ended:
            if step.record.expires_at is not None:
                metrics.EXPIRY_LATENESS.observe((run.seen.now - step.record.expires_at) / timedelta(seconds=1))
            await self._write(run, step.record, Settled.all(EXPIRED))
        elif step.verdict is not None:
            await self._write(run, step.record, step.verdict)
        else:
            after = decide(run.want, replace(run.seen, record=step.record))
            await self._write(run, step.record, after if isinstance(after, Settled) else None)

    async def _say(self, run: Run, verdict: Settled) -> None:
        """The status says how the resource stands; nothing is written if it says so already."""
        await self._write(run, self._noted(run), verdict)

    def _noted(self, run: Run) -> Record:
        """What the resource notes is said in the status as soon as there is one: an empty one means something else."""
        noted, proxy = run.seen.record, run.want.proxy
        if not noted.held or not noted.empty or proxy is None or run.want.deleting:
            return noted
        one = first(run.want, proxy.url)
        if one.place not in run.memory.trace and one.place not in run.memory.sent:
            return noted
        return replace(noted, pending=run.seen.as_noted(one), proxy=proxy)

    async def _write(self, run: Run, noted: Record, verdict: Settled | None) -> None:
        key = run.want.key
        said = key.status.conditions
        if verdict is not None:
            said = conditions(said, of_key(verdict, noted), key.metadata.generation, self.clock())
        generation = key.metadata.generation if verdict is not None else key.status.observed_generation
        wanted = status(noted, said, generation)
        if wanted == key.status:
            return
        before = key.status
        written = (await self.local.note(run, noted, wanted)).status
        for reason, message in transitions(before, written):
            self.local.voice.say(run.want.key, reason, message)
            self._count(run.want, reason)
        if before.revision is None and written.revision is not None and key.metadata.creation_timestamp:
            metrics.TIME_TO_READY.observe((self.clock() - key.metadata.creation_timestamp) / timedelta(seconds=1))

    @staticmethod
    def _count(want: Want, reason: EventReason) -> None:
        counted = {EventReason.KEY_ROTATED: "success", EventReason.RENEWAL_FAILED: "error"}
        if reason in counted:
            proxy = want.proxy
            connection = f"{proxy.namespace}/{proxy.name}" if proxy else ""
            metrics.ROTATED.labels(connection=connection, result=counted[reason]).inc()

    def _due(self, run: Run) -> datetime | None:
        """The next look, from the proxy's clock to this machine's."""
        noted = run.seen.record
        moment = next_look(run.want, noted, run.seen.now)
        if moment is None or moment != noted.expires_at or noted.ended:
            return None if moment is None else moment - (self._now(run.want) - self.clock())
        row = run.seen.rows.get(noted.current.place) if noted.current is not None else None
        if row is not None and row.expires == moment:
            moment = _gathered(moment, row.fraction)
        return moment - (self._likely_now(run.want) - self.clock())

    async def _look_again(self, run: Run) -> Outcome:
        """Somebody changed the resource while we were at it."""
        meta = run.want.key.metadata
        try:
            key = await self.local.resources.read_key(meta.namespace, meta.name)
        except (Unavailable, Denied) as error:
            return Outcome(error=error, retry=True)
        if key is None or key.metadata.uid != meta.uid:
            self.cache.drop_key(meta.uid)
        else:
            self.cache.put_key(key)
        return Outcome(again=True)

    async def _take_back(self, uid: str) -> Outcome:
        """The resource is gone: registrations of this process that it never reported are undone."""
        memory = self.memories.get(uid)
        if memory is not None and memory.sent and memory.want is not None:
            seen = Seen(now=self._now(memory.want), record=Record(), trace=dict(memory.trace))
            run = Run(memory.want, seen, memory)
            try:
                while (step := end(run.want, run.seen, tuple(memory.sent.values()))) is not None:
                    await self._do(run, step)
            except OutsideError as error:
                return Outcome(error=error, retry=True)
        self.memories.pop(uid, None)
        return Outcome(gone=True)


def _gathered(second: datetime, fraction: timedelta) -> datetime:
    """The moment, rounded up a little: keys that end one after the other are asked for and deleted together."""
    return second + _GATHERED * -(-fraction // _GATHERED)
