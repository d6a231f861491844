"""What `make simulate` does, so far as it fits into the unit tests: less deep, and only some of the wrong versions."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import litellm_key_operator
from tests.simulation import accidents
from tests.simulation.activity import Activity
from tests.simulation.families import FAMILIES, Family
from tests.simulation.invariants import Violation
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutation import Mutant
from tests.simulation.quiescence import settle
from tests.simulation.search import explore
from tests.simulation.starts import issued
from tests.simulation.world import UIDS, fresh

ROOT = Path(__file__).resolve().parents[2]
QUICK = (
    "doubt is not set by an unclean answer",
    "what is in doubt is deleted, not buried",
    "what vanished is not taken back",
)
"""Wrong versions that are caught within a second or two."""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name.replace(" ", "-"))
def test_nothing_happens_that_must_never_happen(family: Family) -> None:
    count = explore(family.starts()[: family.few], family.moves[: family.short])

    assert count.worlds > count.rests > 0


@pytest.mark.parametrize("name", QUICK)
def test_a_wrong_version_is_caught(name: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", "--short", "--mutant", name]

    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)

    assert done.returncode == 3, done.stdout + done.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_wrong_version_still_has_something_to_get_wrong(mutant: Mutant) -> None:
    for change in mutant.changes:
        source = Path(litellm_key_operator.__path__[0], *change.module.split(".")).with_suffix(".py").read_text()
        assert source.count(change.old) == 1, change


def test_a_fresh_key_costs_three_writes_and_one_call() -> None:
    activity = Activity(fresh(), UIDS[0])

    activity.finish()

    assert activity.calls == ["resources.hold", "generate", "secrets.create", "resources.write_key_status"]


def test_a_settled_key_costs_nothing() -> None:
    world = Activity(fresh(), UIDS[0]).finish()

    activity = Activity(world, UIDS[0])

    assert (activity.over, activity.calls) == (True, [])


def test_a_key_that_litellm_lost_is_registered_again_with_the_same_value() -> None:
    world = issued()
    before = world.live()

    accidents.lost(world)
    accidents.noticed(world)
    settle(world)

    assert world.live() == before


def test_a_violation_tells_how_it_came_about_in_another_process_too() -> None:
    world = fresh().copy("first").copy("then")

    told = pickle.loads(pickle.dumps(Violation("bad", world)))  # noqa: S301 - our own

    assert str(told) == "bad\n    first\n    then"


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": f"{ROOT / 'operator'}:{ROOT}"}
