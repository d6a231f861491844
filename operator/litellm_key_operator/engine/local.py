"""The steps that the cluster has to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from litellm_key_operator.api import names
from litellm_key_operator.api.key import KeyStatus, LiteLLMKey
from litellm_key_operator.api.reasons import EventReason
from litellm_key_operator.domain.errors import Conflict, Gone, NotPermitted, SecretRejected
from litellm_key_operator.domain.picture import Trace, first
from litellm_key_operator.domain.plan import AskSecret, Hold, LocalStep, Publish, Release, Remove, Withdraw
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.state import Manifest, SecretSeen
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.run import Finished, Run
from litellm_key_operator.engine.voice import Voice
from litellm_key_operator.ports import Resources, Secrets


@dataclass(frozen=True, slots=True)
class Local:
    """Does them. What the API server answers goes into the cache, so that our own writes do not look like news."""

    resources: Resources
    secrets: Secrets
    cache: Cache
    voice: Voice

    async def confirm(self, run: Run) -> None:
        """Read the resource again. Raises Gone if it is not there any more, Conflict if it is not as it was seen."""
        meta = run.want.key.metadata
        key = await self.resources.read_key(meta.namespace, meta.name)
        if key is None or key.metadata.uid != meta.uid:
            message = f"LiteLLMKey {meta.namespace}/{meta.name} is gone"
            raise Gone(message)
        run.confirmed = True
        if key.metadata.resource_version != meta.resource_version:
            self.cache.put_key(key)
            message = f"LiteLLMKey {meta.namespace}/{meta.name} has changed"
            raise Conflict(message)

    async def do(self, run: Run, step: LocalStep) -> None:
        """Do one step and learn from it. Raises Unavailable, Conflict, Gone, SecretRejected; Finished at the end."""
        match step:
            case Hold():
                await self.hold(run, step)
            case AskSecret():
                await self.ask_secret(run, step)
            case Publish():
                await self.publish(run, step)
            case Withdraw():
                await self.withdraw(run, step)
            case Release():
                await self.release(run, step)
            case Remove():
                await self.remove(run)
            case _:
                assert_never(step)

    async def hold(self, run: Run, step: Hold) -> None:
        """Put finalizer and annotations on; with an empty status this notes revision 1."""
        del step
        key, want = run.want.key, run.want
        annotations, proxy = key.metadata.annotations, want.proxy
        # An annotation or a Secret of ours from an earlier life: then revision 1 may have been sent already.
        unheard = run.seen.record.empty and not self._ours(run) and names.ANNOTATION_INSTALLATION not in annotations
        ring = want.material.keyring
        wanted = {names.ANNOTATION_INSTALLATION: f"{ring.installation}/{ring.newest}"}
        if proxy is not None:
            wanted[names.ANNOTATION_CONNECTION] = f"{proxy.namespace}/{proxy.name}"
        # What stands there says where and under which seed revision 1 may live; it is only ever added.
        missing = {name: text for name, text in wanted.items() if name not in annotations}
        self._keep(run, await self.resources.hold(key, missing))
        if unheard and proxy is not None:
            run.memory.trace[first(run.want, proxy.url).place] = Trace.NOTED
            run.learn_trace()

    async def note(self, run: Run, record: Record, status: KeyStatus) -> LiteLLMKey:
        """The fenced write of what the resource remembers; what it reports need not be remembered here."""
        before = run.seen.record
        key = await self.resources.write_key_status(run.want.key, status)
        self._keep(run, key)
        pending = record.pending
        if pending is not None and pending != before.pending and not before.empty and not pending.doubtful:
            run.memory.trace[pending.place] = Trace.NOTED
        for revision in record.known:
            run.memory.sent.pop(revision.place, None)
            if revision != pending:
                # Should the status be cleared one day, this must not pass for a first issue under way.
                run.memory.trace.pop(revision.place, None)
        run.learn_trace()
        return key

    async def ask_secret(self, run: Run, step: AskSecret) -> None:
        """Read a Secret."""
        namespace = run.want.key.metadata.namespace
        try:
            found = await self.secrets.read(namespace, step.name)
        except NotPermitted:
            if not _is_ending(run):
                raise
            found = None
        self._saw(run, step.name, found)

    async def publish(self, run: Run, step: Publish) -> None:
        """Write the Secret. If somebody was there before us, look who it is."""
        name = step.manifest.name
        try:
            if step.over is None:
                secret = await self.secrets.create(step.manifest)
            else:
                secret = await self.secrets.replace(step.manifest, step.over)
        except Conflict:
            await self.ask_secret(run, AskSecret(name))
            return
        except Gone as error:
            message = f"namespace {step.manifest.namespace} is being deleted"
            raise SecretRejected(message) from error
        self._saw(run, name, secret)
        record, key = run.seen.record, run.want.key
        same_spec = key.status.observed_generation == key.metadata.generation
        later = step.over is not None and _end(step.over) != _end(step.manifest)
        if record.current == step.revision and record.binding == name and same_spec and not later:
            self.voice.say(
                key, EventReason.SECRET_RESTORED, f"Secret {name} was deleted or edited; it holds the same key again"
            )

    async def withdraw(self, run: Run, step: Withdraw) -> None:
        """Remove a Secret of ours, or leave it to its users."""
        secret = step.secret
        try:
            await (self.secrets.disown(secret) if step.keep else self.secrets.delete(secret))
        except NotPermitted:
            if not _is_ending(run):
                raise
        run.learn_secret(secret.name, replace(secret, owner_uid=None) if step.keep else None)
        self.cache.drop_secret((secret.namespace, secret.name))

    async def release(self, run: Run, step: Release) -> None:
        """Take the finalizer off; that is the end of it for us."""
        key = run.want.key
        try:
            await self.resources.release(key)
        except Gone:
            pass
        else:
            if step.left:
                left = ", ".join(step.left)
                self.voice.say(key, EventReason.REVOCATION_SKIPPED, f"released without revoking; may live on: {left}")
            else:
                self.voice.say(key, EventReason.KEY_REVOKED, "nothing of this key is live any more")
        # As it was, it would be ended once more when its Secret is reported gone. If others hold it, it is seen again.
        self.cache.drop_key(key.metadata.uid)
        raise Finished

    async def remove(self, run: Run) -> None:
        """Delete the resource itself; its revocation follows from that."""
        await self.resources.delete_key(run.want.key)
        raise Finished

    def _ours(self, run: Run) -> list[SecretSeen]:
        return [secret for secret in run.seen.watched if secret.owner_uid == run.want.key.metadata.uid]

    def _saw(self, run: Run, name: str, secret: SecretSeen | None) -> None:
        run.learn_secret(name, secret)
        place = run.want.key.metadata.namespace, name
        if secret is None:
            self.cache.drop_secret(place)
        elif secret.owner_uid == run.want.key.metadata.uid:
            self.cache.put_secret(secret)

    def _keep(self, run: Run, key: LiteLLMKey) -> None:
        self.cache.put_key(key)
        run.learn_key(key)


def _is_ending(run: Run) -> bool:
    """A namespace that is deleted takes our rights to its Secrets along; they go with it, or with their Key."""
    return run.want.key.metadata.deletion_timestamp is not None


def _end(secret: SecretSeen | Manifest) -> str | None:
    """The end of the key as the Secret tells it; an extension writes it anew."""
    return secret.annotations.get(names.ANNOTATION_EXPIRES_AT)
