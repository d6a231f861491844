"""Random walks over everything that may happen to claims, keys, servers and operators, on the real servers.

A walk is its seed: `make walk SEED=7 RUNS=1` takes the same steps again, `make walk STEPS=3000` as many as that.
What never may be is looked for after each step; in its middle and at its end all troubles end, and all has to be well.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Final, cast

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from dev.controlplane import Access
from dev.litellm import Proxy
from tests.walk.ground import Ground, opened
from tests.walk.machine import Walk
from tests.walk.trail import Trail


def number_from(name: str, otherwise: int) -> int:
    """A number from the environment, where empty means nothing."""
    return int(os.environ.get(f"LLMKEYS_WALK_{name}") or otherwise)


STEPS: Final = number_from("STEPS", 300)
LENGTH: Final = number_from("LENGTH", 30)
FIRST: Final = number_from("SEED", 1)
SEEDS: Final = range(FIRST, FIRST + number_from("RUNS", -(-STEPS // LENGTH)))


@pytest.fixture(scope="module")
def ground(crds: Access, own_litellm: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Generator[Ground]:
    with opened(crds, own_litellm, tmp_path_factory.mktemp("walk")) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("number", SEEDS)
def test_a_walk(ground: Ground, number: int) -> None:
    again = f"again: make walk SEED={number} RUNS=1 LENGTH={LENGTH}"
    trail = Trail(ground.folder / f"walk-{number}.txt", again)

    @seed(number)
    def begin() -> Walk:
        return Walk(ground, trail)

    taken = settings(
        max_examples=1,
        stateful_step_count=LENGTH + 1,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.large_base_example],
        deadline=None,
        database=None,
        print_blob=False,
    )
    run_state_machine_as_test(cast("type[Walk]", begin), settings=taken)
    trail.require_no_fault()
    assert len(trail.steps) >= LENGTH, "the walk was too short"
