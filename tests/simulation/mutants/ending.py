"""What can be done wrong when a key ends, or when it has to be found again."""

from typing import Final

from tests.simulation.mutation import Change, Mutant, one

ENDING: Final = (
    one(
        "a deletion releases without revoking",
        "domain.removal",
        "step = end(want, seen, [revision for revision in revisions if revision != kept])",
        "step = None",
    ),
    one(
        "a deletion is not looked at again",
        "engine.remote",
        "run.seen.rows.get(place)})\n        run.forget_row(place)",
        "run.seen.rows.get(place)})\n        run.learn_row(place, None)",
    ),
    one(
        "a deletion counts though it was not answered",
        "engine.remote",
        "        await self.gateway(run.want, step.revision.url).delete([step.revision.token_id])\n"
        "        run.learn(deleted={**run.seen.deleted, place: run.seen.rows.get(place)})",
        "        run.learn(deleted={**run.seen.deleted, place: run.seen.rows.get(place)})\n"
        "        try:\n            await self.gateway(run.want, step.revision.url).delete([step.revision.token_id])\n"
        "        except Unavailable:\n            run.learn_row(place, None)\n            return",
    ),
    one(
        "that there is no row is enough where nothing was deleted",
        "engine.remote",
        "if revision.place in run.seen.deleted:\n                row",
        "if True:\n                row",
    ),
    one(
        "the issued revision is not revoked", "domain.record", "self.current, self.pending) if r", "self.pending) if r"
    ),
    one(
        "the pending revision is not revoked",
        "domain.record",
        "self.current, self.pending) if r",
        "self.current,) if r",
    ),
    one(
        "retiring revisions are not revoked",
        "domain.record",
        "(*(r.revision for r in self.retiring), self.current",
        "(self.current",
    ),
    one(
        "retiring revisions are forgotten, not ended",
        "domain.upkeep",
        "        step = end(want, seen, due)",
        "        step = None",
    ),
    one(
        "the predecessor is forgotten when its successor is reported",
        "domain.upkeep",
        "and not gone(seen, old):",
        "and False:",
    ),
    one(
        "a revision that died before it was published is forgotten",
        "domain.provision",
        "    elif not gone(seen, target):",
        "    elif False:",
    ),
    one(
        "an empty status means that nothing lives",
        "domain.removal",
        "revisions = record.known if not record.empty else _unreported(want, seen)",
        "revisions = record.known",
    ),
    one(
        "a deletion under an empty status forgets what may be on its way",
        "domain.removal",
        "return (*known, *following(want, number))",
        "return tuple(known)",
    ),
    one(
        "a deletion under an empty status counts its own tombstones",
        "domain.removal",
        "if not last(seen, revision)",
        "",
    ),
    one(
        "a deletion takes the tombstones of a recovery for its own",
        "domain.ending",
        "return _marked(seen, revision, LAST)",
        "return blank(seen, revision)",
    ),
    one(
        "a deletion under an empty status asks only the annotated proxy",
        "engine.resolve",
        "        if key.metadata.deletion_timestamp is not None:\n            here +=",
        "        if False:\n            here +=",
    ),
    one(
        "what vanished is not taken back",
        "engine.keys",
        "if memory is not None and memory.sent and memory.want is not None:",
        "if False:",
    ),
    one(
        "nothing is read again before it is destroyed",
        "engine.keys",
        "if isinstance(step, DESTROYS) and not run.confirmed:",
        "if False:",
    ),
    one(
        "a retained key keeps its alias and bears no mark",
        "domain.removal",
        "        if step is not None:\n            return step\n        kept",
        "        kept",
    ),
)
RECOVERY: Final = (
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
    one(
        "a finalizer that is put back forgets the status",
        "engine.local",
        "self._keep(run, await self.resources.hold(key, missing))",
        "self._keep(run, await self.resources.write_key_status("
        "await self.resources.hold(key, missing), type(key.status)()))",
    ),
    one(
        "a recovery forgets what may be on its way",
        "domain.recovery",
        "*coming], newest, want.proxy))\n\n\ndef",
        "], newest, want.proxy))\n\n\ndef",
    ),
    one(
        "a recovery takes a dead revision for the last one",
        "domain.recovery",
        "serves = seen.life(newest) in (Life.LIVE, Life.BLOCKED)",
        "serves = bool(here)",
    ),
    one(
        "a recovery leaves the dead ones be",
        "domain.recovery",
        "seen.life(revision) is not Life.BURIED:",
        "seen.life(revision) not in (Life.BURIED, Life.DELETED):",
    ),
    one(
        "a recovery takes the watch's word for what was not published",
        "domain.recovery",
        "if timed_out and want.secret_name not in seen.secrets:",
        "if False:",
    ),
    one(
        "a process trusts its memory of revision 1 under a cleared status",
        "domain.recovery",
        "if one is not None and seen.life(one) not in (Life.EXPIRED, Life.DELETED, Life.BURIED):",
        "if one is not None:",
    ),
    one(
        "a deletion under an empty status asks for revision 1 alone, whoever noted it",
        "domain.removal",
        "    one = under_way(want, seen)\n    if one is not None:",
        "    one = None if want.proxy is None else first(want, want.proxy.url)\n    if one is not None:",
    ),
    one(
        "the annotation decides where a key is registered",
        "engine.resolve",
        "        proxy = self._proxy(noted, role)\n",
        "        proxy = self._proxy(noted, role)\n"
        "        if noted.empty and noted.held and (there := self.cache.connections.get(_marked(key))):\n"
        "            proxy = Proxy(*_marked(key), there.spec.url)\n",
    ),
    one(
        "only the newest seed is asked for",
        "domain.recovery",
        "            for seed in want.material.keyring.seeds\n",
        "            for seed in [want.material.keyring.newest]\n",
    ),
)
EXPIRY: Final = (
    one(
        "an expired key counts as unknown",
        "domain.state",
        "            return Life.EXPIRED",
        "            return Life.UNKNOWN",
    ),
    one(
        "an expired key is issued anew",
        "domain.provision",
        "return expire(want, seen) if over(seen, target) else _carry(want, seen, target)",
        "return _carry(want, seen, target)",
    ),
    one(
        "a key is deleted when the record says that its time is over",
        "domain.expiry",
        "        case Life.LIVE | Life.BLOCKED:\n            return False",
        "        case Life.LIVE | Life.BLOCKED:\n            return expires is not None and expires <= seen.now",
    ),
    one(
        "what was deleted at its end is forgotten to have ended",
        "domain.picture",
        "found = (self.rows.get(revision.place), self.deleted.get(revision.place))",
        "found = (self.rows.get(revision.place),)",
    ),
    one(
        "an expired key stays in the Secret",
        "domain.expiry",
        "step = end(want, seen, record.known) or withdraw(want, seen)",
        "step = end(want, seen, record.known)",
    ),
)
