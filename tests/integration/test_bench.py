"""The benchmark on a handful of keys: every figure is measured, whatever it is here."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from dev import controlplane
from dev.bench.course import run
from dev.bench.sizes import Sizes
from dev.litellm import Proxy

HANDFUL: Final = Sizes(floor=4, idle=2, burst=6, trickle=1.5, watched=3, expiring=5, window=2, many=8)


@pytest.mark.slow
async def test_every_figure_is_measured(own_litellm: Proxy, tmp_path: Path) -> None:
    # In the shared one namespaces of earlier tests are being emptied, and that is counted, too.
    with controlplane.started() as plane:
        report = await run(plane, own_litellm, tmp_path, HANDFUL)

    values = {figure.key: figure.values for figure in report.figures}
    assert len(values) == len(report.figures)
    assert all(numbers for numbers in values.values())
    # These are counts, and do not depend on the machine.
    assert (values["fresh"]["writes"], values["fresh"]["calls"]) == (3, 1), values["fresh"]
    assert (values["settled"]["writes"], values["settled"]["calls_per_sweep"]) == (0, 1)
    assert values["restart"]["writes"] == 0
    assert values["many"]["calls"] == 1
    assert (values["lateness"]["early"], values["lateness"]["missing"]) == (0, 0)
    assert min(pace.rate for side in (report.before, report.after) for pace in (side.proxy, side.work)) > 0
