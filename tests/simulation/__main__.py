"""`python -m tests.simulation`: every family, and with `--mutants` every wrong version of the operator after them."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import Mutant, install

if TYPE_CHECKING:
    from tests.simulation.search import Count

CAUGHT: Final = 3
"""The exit code of a wrong version that was caught."""
LONGEST: Final = 900.0
"""Seconds that one wrong version may go uncaught."""


def main() -> int:
    """Run what was asked for; 0 if all is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once (one per CPU)")
    parser.add_argument("--mutants", action="store_true", help="run the wrong versions: each must be caught")
    parser.add_argument("--mutant", choices=[mutant.name for mutant in MUTANTS], help="run this wrong version")
    parser.add_argument("--short", action="store_true", help="no deeper than the unit tests go")
    asked = parser.parse_args()
    if asked.mutant is not None:
        return one_mutant(next(mutant for mutant in MUTANTS if mutant.name == asked.mutant), short=asked.short)
    # What fails without them would pass for having caught them all.
    failed = families(asked.jobs, short=asked.short)
    return failed if failed or not asked.mutants else mutants(asked.jobs, short=asked.short)


def families(jobs: int, *, short: bool) -> int:
    """Search them all, side by side."""
    began = time.monotonic()
    found = import_module("tests.simulation.families").FAMILIES
    total = import_module("tests.simulation.search").Count()
    failures: list[str] = []
    with ProcessPoolExecutor(jobs) as pool:
        running = {pool.submit(_family, number, short=short): family for number, family in enumerate(found)}
        for done in as_completed(running):
            name, error = running[done].name, done.exception()
            after = f"{time.monotonic() - began:4.0f} s"
            if error is not None:
                failures.append(name)
                _say(f"{after}  FAILED  {name}: {error}")
                continue
            count: Count = done.result()
            total += count
            _say(f"{after}  holds   {name}: {_told(count)}")
    _say(f"{_told(total)} in {time.monotonic() - began:.0f} s; {len(failures)} families failed")
    return bool(failures)


def mutants(jobs: int, *, short: bool) -> int:
    """Run each in a process of its own."""
    missed, began = 0, time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(_child, mutant, short=short): mutant for mutant in MUTANTS}
        for done in as_completed(running):
            how = done.result()
            missed += how is None
            after = f"{time.monotonic() - began:4.0f} s  {'MISSED' if how is None else 'caught'}"
            _say(f"{after}  {running[done].name}\n                {how or ''}")
    _say(f"{len(MUTANTS) - missed} of {len(MUTANTS)} wrong versions are caught")
    return bool(missed)


def one_mutant(mutant: Mutant, *, short: bool) -> int:
    """Search with a wrong version until it is caught: not deep at first, then as deep as the right one."""
    install(mutant)
    module = import_module("tests.simulation.families")
    violation: type[AssertionError] = import_module("tests.simulation.invariants").Violation
    explore = import_module("tests.simulation.search").explore
    for brief in (True,) if short else (True, False):
        for family in module.FAMILIES:
            try:
                explore(family.starts(), family.moves[: family.short] if brief else family.moves)
            except violation as caught:
                _say(f"{family.name}: {caught}")
                return CAUGHT
    return 0


def _family(number: int, *, short: bool) -> Count:
    family = import_module("tests.simulation.families").FAMILIES[number]
    explore = import_module("tests.simulation.search").explore
    count: Count = explore(family.starts(), family.moves[: family.short] if short else family.moves)
    return count


def _child(mutant: Mutant, *, short: bool) -> str | None:
    """What caught it; None if nothing did."""
    command = [sys.executable, "-m", "tests.simulation", "--mutant", mutant.name, *(["--short"] if short else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode not in (0, CAUGHT):
        sys.stderr.write(done.stderr)
        return None
    return done.stdout.splitlines()[0] if done.returncode == CAUGHT else None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _told(count: Count) -> str:
    return f"{count.steps:,} steps to {count.worlds:,} states, {count.rests:,} of them at rest"


if __name__ == "__main__":
    sys.exit(main())
