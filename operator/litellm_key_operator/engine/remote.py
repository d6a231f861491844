"""The steps that LiteLLM has to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from prometheus_client import Counter

from litellm_key_operator import metrics
from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.reasons import EventReason
from litellm_key_operator.domain.errors import AliasTaken, Rejected, Unavailable
from litellm_key_operator.domain.picture import Trace, Want
from litellm_key_operator.domain.plan import Ask, AskAlias, Bury, Cause, Register, RemoteStep, Revoke, Update
from litellm_key_operator.domain.state import Revision, Row
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.memory import Refusal
from litellm_key_operator.engine.run import Run
from litellm_key_operator.engine.voice import Voice
from litellm_key_operator.ports import Gateway, Gateways, Mark

TOMBSTONE_LIFE = "259200s"
"""How long a buried value that had no row keeps one: three days; a healthy operator removes it after one."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Does them. `patience`: how long a refused request is not repeated unchanged."""

    cache: Cache
    gateways: Gateways
    voice: Voice
    clock: Callable[[], datetime]
    patience: timedelta

    def gateway(self, want: Want, url: str) -> Gateway:
        """The client for the proxy at `url`. Raises Unavailable if there is none."""
        proxy = want.proxy
        if proxy is not None and proxy.url == url:
            found = self.gateways.get(proxy.namespace, proxy.name, url)
            if found is not None:
                return found
        for (namespace, name), connection in self.cache.connections.items():
            found = self.gateways.get(namespace, name, url) if connection.spec.url == url else None
            if found is not None:
                return found
        message = f"no LiteLLMConnection for {url} is ready"
        raise Unavailable(message, sent=False)

    async def do(self, run: Run, step: RemoteStep) -> None:
        """Do one step and learn from it. Raises Unavailable, Denied, Rejected."""
        match step:
            case Ask():
                await self.ask(run, step)
            case AskAlias():
                await self.ask_alias(run, step)
            case Register():
                await self.register(run, step)
            case Update():
                await self.update(run, step)
            case Revoke():
                await self.revoke(run, step)
            case Bury():
                await self.bury(run, step)
            case _:
                assert_never(step)

    async def ask(self, run: Run, step: Ask) -> None:
        """Look tokens up."""
        for revision in step.revisions:
            gateway, mark = self.gateway(run.want, revision.url), Mark(run.want.material.uid, revision.number)
            if revision.place in run.seen.deleted:
                row = await gateway.left(revision.token_id, mark)
            else:
                # What no resource notes is most likely unknown, which an answer to many does not tell.
                noted = revision.place in {known.place for known in run.seen.record.known}
                row = await gateway.info(revision.token_id, mark if noted else None)
            run.learn_row(revision.place, row)
            run.learn(now=gateway.now())

    async def ask_alias(self, run: Run, step: AskAlias) -> None:
        """Look up who has an alias."""
        run.learn(rivals=tuple(await self.gateway(run.want, step.url).find(step.alias)))

    async def register(self, run: Run, step: Register) -> None:
        """Register a noted revision, and remember how that was answered."""
        self._repeat_no_refusal(run, step)
        revision, memory = step.revision, run.memory
        value = run.want.material.value(revision)
        if value is None:
            message = f"seed {revision.seed} is lost, so that revision {revision.number} cannot be made"
            raise Rejected(message)
        gateway = self.gateway(run.want, revision.url)
        # From here until a clear answer the registration may arrive at any time, whatever becomes of this process.
        ours = memory.trace.pop(revision.place, None)
        memory.sent[revision.place] = revision
        memory.want = run.want
        try:
            row = await gateway.generate(value, step.fields)
        except AliasTaken:
            self._answered(run, revision, ours)
            memory.sent.pop(revision.place, None)
            run.forget_row(revision.place)
            run.learn(alias_taken=True, rivals=None)
            return
        except Rejected as error:
            self._answered(run, revision, ours)
            memory.sent.pop(revision.place, None)
            self._refused(run, step, error)
            raise
        except Unavailable as error:
            if not error.sent and ours is not None:
                memory.trace[revision.place] = ours
                memory.sent.pop(revision.place, None)
            run.learn_trace()
            raise
        self._answered(run, revision, ours)
        unheard_of = run.seen.record.empty or revision.place in run.seen.rows
        # What was changed in place before, was so at the key that this one takes over from.
        run.learn(registered=revision.place, applied=None, alias_taken=False, now=gateway.now())
        if ours is None or not unheard_of:
            run.forget_row(revision.place)  # somebody may have registered it before: then the answer is an echo
        else:
            run.learn_row(revision.place, row)
        self._count(metrics.ISSUED, run.want, "success")

    async def update(self, run: Run, step: Update) -> None:
        """Change a key in place."""
        self._repeat_no_refusal(run, step)
        url, token_id = step.place
        gateway = self.gateway(run.want, url)
        try:
            row = await gateway.update(token_id, step.changes)
        except AliasTaken as error:
            if step.cause in (Cause.DECLARED, Cause.DRIFT):
                run.learn(alias_taken=True, rivals=None)
            elif not run.seen.aside_taken:
                run.learn(aside_taken=True)
            else:
                self._refused(run, step, error)
                raise
            return
        except Rejected as error:
            self._refused(run, step, error)
            raise
        run.forget_row(step.place)
        run.learn(now=gateway.now(), aside_taken=False)
        match step.cause:
            case Cause.MAKE_WAY:
                run.learn(alias_taken=False, rivals=None)
            case Cause.ROTATE:
                run.learn_row(step.place, row)
            case Cause.DECLARED | Cause.DRIFT | Cause.EXTEND if row is not None:
                # A repair is looked at again; a declared change was answered, and that is enough.
                run.learn(applied=step.applied, suspect=step.cause is Cause.DRIFT)
                if step.cause is Cause.EXTEND:
                    run.learn_row(step.place, row)
                    run.learn(extended=True)
                self._tell(run.want, step, row)
            case _:
                run.learn(suspect=True)

    def _tell(self, want: Want, step: Update, row: Row) -> None:
        fields = ", ".join(sorted(step.changes))
        if step.cause is Cause.DRIFT:
            self._count(metrics.DRIFT_REPAIRED, want, "success")
            self.voice.say(want.key, EventReason.DRIFT_REPAIRED, f"set back in LiteLLM: {fields}")
        elif step.cause is Cause.EXTEND:
            self._count(metrics.EXTENDED, want, "success")
            until = rfc3339(row.expires) if row.expires else "Never"
            self.voice.say(want.key, EventReason.KEY_EXTENDED, f"the key lives until {until}")
        else:
            self.voice.say(want.key, EventReason.KEY_UPDATED, f"changed in LiteLLM: {fields}")

    async def revoke(self, run: Run, step: Revoke) -> None:
        """Delete a key."""
        place = step.revision.place
        if place in run.seen.deleted:
            message = "LiteLLM answered the deletion of a key that it still has"
            raise Unavailable(message)
        await self.gateway(run.want, step.revision.url).delete([step.revision.token_id])
        run.learn(deleted={**run.seen.deleted, place: run.seen.rows.get(place)})
        run.forget_row(place)
        self._count(metrics.REVOKED, run.want, "success")

    async def bury(self, run: Run, step: Bury) -> None:
        """Make a value useless for ever, be it registered, about to be, or neither."""
        revision, gateway = step.revision, self.gateway(run.want, step.revision.url)
        value = run.want.material.value(revision)
        if step.row:
            await gateway.update(revision.token_id, step.fields)
        elif value is not None:
            await gateway.generate(value, {**step.fields, "duration": TOMBSTONE_LIFE})
        run.forget_row(revision.place)
        self._count(metrics.REVOKED, run.want, "success")

    def _answered(self, run: Run, revision: Revision, ours: Trace | None) -> None:
        if ours is not None:
            run.memory.trace[revision.place] = Trace.ANSWERED
        run.learn_trace()

    def _repeat_no_refusal(self, run: Run, step: Register | Update) -> None:
        had = run.memory.refusal
        if had is not None and had.step == step and self.clock() < had.until and not run.seen.suspect:
            raise had.error

    def _refused(self, run: Run, step: Register | Update, error: Rejected) -> None:
        run.memory.refusal = Refusal(step, error, self.clock() + self.patience)

    @staticmethod
    def _count(counter: Counter, want: Want, result: str) -> None:
        proxy = want.proxy
        counter.labels(connection=f"{proxy.namespace}/{proxy.name}" if proxy else "", result=result).inc()
