"""Wrong versions of the core and its loop, each of which the simulation must catch."""

from __future__ import annotations

from typing import Final

from tests.simulation.mutation import Change, Mutant


def _one(name: str, module: str, old: str, new: str) -> Mutant:
    return Mutant(name, (Change(module, old, new),))


_DOUBT: Final = (
    _one(
        "doubt is not set by an unclean answer",
        "engine.remote",
        "ours = memory.trace.pop(revision.place, None)",
        "ours = memory.trace.get(revision.place)",
    ),
    _one(
        "doubt is forgotten when the key is reported",
        "domain.upkeep",
        "current=seen.as_noted(target),",
        "current=replace(target, doubtful=False),",
    ),
    Mutant(
        "what is in doubt is deleted, not buried",
        (
            Change("domain.ending", "        if seen.doubtful(revision):", "        if False:"),
            Change("domain.ending", "return not seen.doubtful(revision)", "return True"),
        ),
    ),
    _one(
        "what LiteLLM does not know is not buried",
        "domain.ending",
        "return not seen.doubtful(revision)",
        "return True",
    ),
    _one(
        "a revision that another process may have sent is taken for one never sent",
        "domain.picture",
        "return revision.doubtful or (revision.place not in reported and revision.place not in self.trace)",
        "return revision.doubtful",
    ),
    _one(
        "a lost value that is pending again counts as reported",
        "domain.picture",
        "reported -= {pending.place} if pending else set()",
        "",
    ),
    _one(
        "a recovered revision is taken for one never sent",
        "engine.local",
        " and not before.empty and not pending.doubtful:",
        ":",
    ),
    _one(
        "an annotation of an earlier life is ignored",
        "engine.local",
        "unheard = run.seen.record.empty and not self._ours(run) and names.ANNOTATION_INSTALLATION not in annotations",
        "unheard = run.seen.record.empty",
    ),
    _one(
        "tombstones of two values collide",
        "domain.ending",
        "/{revision.number}.{revision.token_id[:8]}",
        "",
    ),
    _one(
        "an echo is taken for an answer",
        "engine.remote",
        "        if ours is None:\n            run.forget_row",
        "        if False:\n            run.forget_row",
    ),
)
_ENDING: Final = (
    _one(
        "a deletion releases without revoking",
        "domain.removal",
        "step = end(want, seen, [revision for revision in revisions if revision != kept])",
        "step = None",
    ),
    _one(
        "a deletion is not looked at again",
        "engine.remote",
        "await self.gateway(run.want, step.revision.url).delete([step.revision.token_id])\n"
        "        run.forget_row(step.revision.place)",
        "await self.gateway(run.want, step.revision.url).delete([step.revision.token_id])\n"
        "        run.learn_row(step.revision.place, None)",
    ),
    _one("the issued revision is not revoked", "domain.record", "self.current, self.pending) if r", "self.pending) if r"),
    _one("the pending revision is not revoked", "domain.record", "self.current, self.pending) if r", "self.current,) if r"),
    _one(
        "retiring revisions are not revoked",
        "domain.record",
        "(*(r.revision for r in self.retiring), self.current",
        "(self.current",
    ),
    _one(
        "retiring revisions are forgotten, not ended",
        "domain.upkeep",
        "        step = end(want, seen, due)",
        "        step = None",
    ),
    _one(
        "the predecessor is forgotten when its successor is reported",
        "domain.upkeep",
        "and not gone(seen, old):",
        "and False:",
    ),
    _one(
        "predecessors end before the successor is published",
        "domain.upkeep",
        "    record = _reported(want, seen, target)",
        "    record = _reported(want, seen, target)\n"
        "    if seen.record.current not in (None, target) and (at_once := end(want, seen, [seen.record.current])):\n"
        "        return at_once",
    ),
    _one(
        "a revision that died before it was published is forgotten",
        "domain.provision",
        "if not is_current and not gone(seen, target):",
        "if False:",
    ),
    _one(
        "an empty status means that nothing lives",
        "domain.removal",
        "revisions = record.known if not record.empty else _unreported(want, seen)",
        "revisions = record.known",
    ),
    _one(
        "a deletion under an empty status forgets what may be on its way",
        "domain.removal",
        "return (*known, *following(want, number))",
        "return tuple(known)",
    ),
    _one(
        "a deletion under an empty status counts its own tombstones",
        "domain.removal",
        "if not _blank(seen, revision)",
        "",
    ),
    _one(
        "a deletion under an empty status asks only the annotated proxy",
        "engine.resolve",
        "        if key.metadata.deletion_timestamp is not None:\n            here +=",
        "        if False:\n            here +=",
    ),
    _one(
        "what vanished is not taken back",
        "engine.keys",
        "if memory is not None and memory.sent and memory.want is not None:",
        "if False:",
    ),
    _one(
        "nothing is read again before it is destroyed",
        "engine.keys",
        "if isinstance(step, DESTROYS) and not run.confirmed:",
        "if False:",
    ),
    _one("a retained key keeps its alias and bears no mark", "domain.removal", "        if step is not None:\n            return step\n        kept", "        kept"),
)
_ISSUE: Final = (
    Mutant(
        "the next revision is not noted before it is registered",
        (
            Change("domain.provision", "if not record.empty and target != record.pending:", "if False:"),
            Change(
                "domain.provision",
                "return Note(replace(record, pending=_next(want, replace(record, pending=target)), proxy=want.proxy))",
                "return _register(want, seen, _next(want, replace(record, pending=target)))",
            ),
        ),
    ),
    Mutant(
        "a lost value is registered again without a note",
        (
            Change("domain.provision", "if not record.empty and target != record.pending:", "if False:"),
            Change("domain.provision", "case Life.UNKNOWN if not settled:", "case Life.UNKNOWN:"),
        ),
    ),
    _one(
        "a dead value is registered again",
        "domain.provision",
        "case Life.UNKNOWN if not settled:",
        "case Life.UNKNOWN | Life.DELETED if not settled:",
    ),
    _one(
        "a lost value that is the issued one gets a successor",
        "domain.provision",
        "lost=life is Life.UNKNOWN)",
        "lost=False)",
    ),
    _one(
        "a key is published before it is registered",
        "domain.provision",
        "    return Register(target,",
        "    from litellm_key_operator.domain.publication import deliver\n"
        "    from litellm_key_operator.domain.plan import AskSecret, Publish\n"
        "    early = deliver(want, seen, replace(seen.record, current=target))\n"
        "    if isinstance(early, AskSecret | Publish):\n"
        "        return early\n"
        "    return Register(target,",
    ),
    _one(
        "a Secret is restored without a look at its key",
        "domain.upkeep",
        "if isinstance(step, Publish) and target.place not in seen.rows:",
        "if False:",
    ),
    _one("an edited Secret is left", "domain.publication", "        secret.hashes == hashes\n", "        bool(hashes)\n"),
    _one(
        "a stranger's Secret is overwritten",
        "domain.publication",
        "if known is not None and not _ours(want, known):",
        "if False:",
    ),
    _one(
        "the status is written without its fence",
        "engine.local",
        "key = await self.resources.write_key_status(run.want.key, status)",
        "there = await self.resources.read_key(run.want.key.metadata.namespace, run.want.key.metadata.name)\n"
        "        key = await self.resources.write_key_status(there or run.want.key, status)",
    ),
    _one("a blocked key counts as dead", "domain.provision", "        case Life.BLOCKED:\n            return Settled.all(", "        case Life.BLOCKED:\n            return _replace(want, seen, target, lost=False) or Settled.all("),
    _one(
        "what LiteLLM said is forgotten with the run",
        "engine.keys",
        "suspect=memory.suspect or any(condition.reason in _LITELLM_TELLS for condition in key.status.conditions),",
        "suspect=memory.suspect,",
    ),
    _one("a lost key counts as ready", "domain.record", " and self.pending is None and not self.ended", ""),
    _one("another installation's key is touched", "domain.decide", "if want.foreign is not None and", "if False and"),
)
_RECOVERY: Final = (
    Mutant(
        "under an empty status revision 1 is issued without a survey",
        (
            Change(
                "domain.recovery",
                "    known = survey(want, seen)\n    if isinstance(known, Ask):\n        return known\n    here",
                "    known: list[Revision] = []\n    here",
            ),
        ),
    ),
    _one("a removed finalizer forgets the status", "domain.record", "    s = key.status\n    proxy", "    s = key.status if names.FINALIZER in key.metadata.finalizers else type(key.status)()\n    proxy"),
    _one("a recovery forgets what may be on its way", "domain.recovery", "[*known, *coming], newest", "known, newest"),
    _one(
        "a recovery takes a dead revision for the last one",
        "domain.recovery",
        "if seen.life(newest) not in (Life.LIVE, Life.BLOCKED):",
        "if False:",
    ),
    _one(
        "a recovery leaves the dead ones be",
        "domain.recovery",
        "seen.life(revision) is not Life.BURIED:",
        "seen.life(revision) not in (Life.BURIED, Life.DELETED):",
    ),
    _one(
        "a recovery takes the watch's word for what was not published",
        "domain.recovery",
        "if here and seen.life(here[-1]) is Life.EXPIRED and want.secret_name not in seen.secrets:",
        "if False:",
    ),
    _one(
        "a process trusts its memory of revision 1 under a cleared status",
        "domain.recovery",
        "if one.place in seen.trace and seen.life(one) not in (Life.EXPIRED, Life.DELETED, Life.BURIED):",
        "if one.place in seen.trace:",
    ),
    _one(
        "the annotation decides where a key is registered",
        "engine.resolve",
        "namespace, name = connection_of(role) if role is not None else _marked(key)",
        "namespace, name = _marked(key) if noted.held or role is None else connection_of(role)",
    ),
    _one("only the newest seed is asked for", "domain.recovery", "            for seed in want.material.keyring.seeds\n", "            for seed in [want.material.keyring.newest]\n"),
)
_EXPIRY: Final = (
    _one("an expired key counts as unknown", "domain.state", "            return Life.EXPIRED", "            return Life.UNKNOWN"),
    _one(
        "an expired key is issued anew",
        "domain.provision",
        "return expire(want, seen) if over(seen, target) else _carry(want, seen, target)",
        "return _carry(want, seen, target)",
    ),
    _one(
        "a key is deleted when the record says that its time is over",
        "domain.expiry",
        "    if current is not None and current.place not in seen.rows:",
        "    if False:",
    ),
    _one("an expired key stays in the Secret", "domain.expiry", "step = end(want, seen, record.known) or withdraw(want, seen)", "step = end(want, seen, record.known)"),
)
_ALIAS: Final = (
    _one("a taken alias counts as a refusal", "engine.remote", "except AliasTaken:", "except ZeroDivisionError:"),
    _one(
        "a revision of ours that holds the alias is not noted before it is renamed",
        "domain.rivals",
        "if own is not None and own.place not in noted:",
        "if False:",
    ),
    _one("a predecessor counts as a stranger", "domain.rivals", "return uid if same_place", "return None if same_place"),
    _one("a stranger's key is renamed", "domain.rivals", "        if uid is None or rival.token_id is None:", '        uid = uid or "nobody"\n        if rival.token_id is None:'),
)

MUTANTS: Final = (*_DOUBT, *_ENDING, *_ISSUE, *_RECOVERY, *_EXPIRY, *_ALIAS)
