"""What can be done wrong until a key is issued and while it lives."""

from typing import Final

from tests.simulation.mutation import Change, Mutant, one

DOUBT: Final = (
    one(
        "doubt is not set by an unclean answer",
        "engine.remote",
        "ours = memory.trace.pop(revision.place, None)",
        "ours = memory.trace.get(revision.place)",
    ),
    one(
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
    one(
        "what LiteLLM does not know is not buried",
        "domain.ending",
        "return not seen.doubtful(revision)",
        "return True",
    ),
    one(
        "a revision that another process may have sent is taken for one never sent",
        "domain.picture",
        "return revision.doubtful or (revision.place not in reported and revision.place not in self.trace)",
        "return revision.doubtful",
    ),
    one(
        "a lost value that is pending again counts as reported",
        "domain.picture",
        "        if pending is not None:\n            reported",
        "        if False:\n            reported",
    ),
    one(
        "a recovered revision is taken for one never sent",
        "engine.local",
        " and not before.empty and not pending.doubtful:",
        ":",
    ),
    one(
        "an annotation of an earlier life is ignored",
        "engine.local",
        "unheard = run.seen.record.empty and not self._ours(run) and names.ANNOTATION_INSTALLATION not in annotations",
        "unheard = run.seen.record.empty",
    ),
    one(
        "tombstones of two values collide",
        "domain.ending",
        "/{revision.number}.{revision.token_id[:8]}",
        "",
    ),
)
ISSUE: Final = (
    Mutant(
        "the next revision is not noted before it is registered",
        (
            Change("domain.provision", "if not record.empty and target != record.pending:", "if False:"),
            Change(
                "domain.provision",
                "return Note(record, Settled.all(dead) if is_current else None)",
                "return _register(want, seen, following)",
            ),
        ),
    ),
    Mutant(
        "a lost value is registered again without a note",
        (
            Change("domain.provision", "if not record.empty and target != record.pending:", "if False:"),
            Change("domain.provision", "case Life.UNKNOWN if not settled and", "case Life.UNKNOWN if"),
        ),
    ),
    one(
        "a dead value is registered again",
        "domain.provision",
        "case Life.UNKNOWN if not settled and",
        "case Life.UNKNOWN | Life.DELETED if not settled and",
    ),
    one(
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
    one(
        "a Secret is restored without a look at its key",
        "domain.upkeep",
        "if isinstance(step, Publish) and target.place not in seen.rows:",
        "if False:",
    ),
    one(
        "an edited Secret is left", "domain.publication", "        secret.hashes == hashes\n", "        bool(hashes)\n"
    ),
    one(
        "a stranger's Secret is overwritten",
        "domain.publication",
        "if known is not None and not _ours(want, known):",
        "if False:",
    ),
    one(
        "the status is written without its fence",
        "engine.local",
        "key = await self.resources.write_key_status(run.want.key, status)",
        "there = await self.resources.read_key(run.want.key.metadata.namespace, run.want.key.metadata.name)\n"
        "        key = await self.resources.write_key_status(there or run.want.key, status)",
    ),
    one(
        "a blocked key counts as dead",
        "domain.provision",
        "case Life.BLOCKED:",
        "case Life.BLOCKED if False:",
    ),
    one(
        "what LiteLLM said is forgotten with the run",
        "engine.keys",
        "suspect=memory.suspect or any(condition.reason in _LITELLM_TELLS for condition in key.status.conditions),",
        "suspect=memory.suspect,",
    ),
    one("a lost key counts as ready", "domain.record", " and (self.pending is None or self.lives)", ""),
    one("another installation's key is touched", "domain.decide", "if want.foreign is not None and", "if False and"),
)
ALIAS: Final = (
    one("a taken alias counts as a refusal", "engine.remote", "except AliasTaken:", "except ZeroDivisionError:"),
    one(
        "a revision of ours that holds the alias is not noted before it is renamed",
        "domain.rivals",
        "if own is not None and own.place not in noted:",
        "if False:",
    ),
    one("a predecessor counts as a stranger", "domain.rivals", "return uid if same_place", "return None if same_place"),
    one(
        "a stranger's key is renamed",
        "domain.rivals",
        "        if uid is None or rival.token_id is None:",
        '        uid = uid or "nobody"\n        if rival.token_id is None:',
    ),
)
