"""What can be got wrong in a renewal."""

from __future__ import annotations

from typing import Final

from tests.simulation.mutation import Change, Mutant, one

RENEWING: Final = (
    one(
        "what still retires lives on beside a rotation",
        "domain.renewal",
        "    step = end(want, seen, [r.revision for r in record.retiring])\n",
        "    step = None\n",
    ),
    one("a rotation undoes a block", "domain.renewal", "if seen.life(current) is Life.BLOCKED:", "if False:"),
    one(
        "a dead key is rotated as if it worked",
        "domain.renewal",
        "if not asked and not record.works:",
        "if False:",
    ),
    one(
        "the answer to a rotation's registration is taken for the truth",
        "engine.remote",
        "if ours is None or not unheard_of:",
        "if ours is None:",
    ),
    one(
        "a rotation is not remembered as done",
        "domain.renewal",
        "retiring=retiring, handled=turn_asked(want.key)))",
        "retiring=retiring))",
    ),
    one(
        "a successor that may live is not asked for before the end",
        "domain.expiry",
        " or _to_be_asked(seen, target)",
        "",
    ),
    one(
        "a value from which another takes over at once is not said to work",
        "domain.upkeep",
        "return Note(record, verdict)",
        "return Note(record)",
    ),
    one(
        "a key whose Secret cannot be had counts as lost",
        "domain.record",
        " or ready.reason in _ONLY_THE_SECRET",
        "",
    ),
    one("an old value is forgotten, not ended", "domain.upkeep", "step = end(want, seen, due)", "step = None"),
    Mutant(
        "the old value ends before the new one is reported",
        (
            Change("domain.upkeep", "    if settled:\n        # Only", "    if True:\n        # Only"),
            Change("domain.upkeep", "record.retire(old, retirement(want, seen, old))", "record.retire(old, seen.now)"),
        ),
    ),
)
