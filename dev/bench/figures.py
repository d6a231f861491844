"""What was measured, and whether that is what must be reached."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Final

from dev.bench.counters import Write, to_keys, to_others
from dev.bench.pace import Pace, percentile

ASKED_AT_ONCE: Final = 500
"""Keys in one look-up of a sweep."""
SHARE_OF_WORK: Final = 0.8
SLOWER_THAN_SCRIPT: Final = 0.010
CPU_OF_SCRIPT: Final = 2.0
MOST_AFTER_START: Final = 10
SERVED_AFTER_START: Final = 5.0
MOST_MEMORY: Final = 200.0
MOST_OF_A_SWEEP: Final = 25
FASTER_THAN_SINGLE: Final = 2.0
SERVED_BEYOND_BATCH: Final = 1.0
LATENESS: Final = 1.0
FRESH: Final = (3, 1)
_MILLI: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. `key` and `values` are the same for machines."""

    key: str
    name: str
    measured: str
    goal: str
    reached: bool
    values: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Floors:
    """What is possible without any operator: of the proxy alone, and of all that a fresh key costs."""

    proxy: Pace
    work: Pace


def middle(before: Floors, after: Floors) -> Floors:
    """What ratios are made with: the mean of two measurements, one on either side."""
    return Floors(_mean(before.proxy, after.proxy), _mean(before.work, after.work))


def _mean(one: Pace, other: Pace) -> Pace:
    return Pace(mean((one.rate, other.rate)), mean((one.cpu, other.cpu)), one.concurrency)


def burst(count: int, seconds: float, floors: Floors) -> Figure:
    """Many keys at once, until the last is ready."""
    rate = count / seconds
    of_work, of_proxy = rate / floors.work.rate, rate / floors.proxy.rate
    return Figure(
        "burst",
        f"{count:,} keys applied at once, until Ready",
        f"{rate:.1f} keys/s: {of_work:.2f} of the work floor ({of_proxy:.2f} of the proxy floor)",
        f">= {SHARE_OF_WORK} of the work floor",
        of_work >= SHARE_OF_WORK,
        {"rate": rate, "of_work": of_work, "of_proxy": of_proxy},
    )


def idle(operator: Sequence[float], script: Sequence[float]) -> Figure:
    """Single keys on an idle system, in seconds, and the script's."""
    ours, bare = percentile(operator, 0.5), percentile(script, 0.5)
    return Figure(
        "idle",
        "one key on an idle system, apply to Secret",
        f"p50 {ours * _MILLI:.0f} ms, script {bare * _MILLI:.0f} ms",
        f"p50 <= script + {SLOWER_THAN_SCRIPT * _MILLI:.0f} ms",
        ours <= bare + SLOWER_THAN_SCRIPT,
        {"p50": ours, "script_p50": bare},
    )


def fresh(count: int, changed: Counter[Write], calls: int) -> Figure:
    """What fresh keys cost: writes to them and their Secrets, to their role and connection, calls to LiteLLM."""
    writes, others = to_keys(changed), to_others(changed)
    return Figure(
        "fresh",
        "per fresh key: Kubernetes writes (Events apart), LiteLLM calls",
        f"{writes / count:.2f} and {calls / count:.2f} (and {others} to role and connection in all)",
        f"{FRESH[0]} and {FRESH[1]}",
        writes <= FRESH[0] * count and calls <= FRESH[1] * count,
        {
            "writes": writes / count,
            "calls": calls / count,
            "role_and_connection": others,
            **{f"{write.verb} {write.resource}": number for write, number in sorted(changed.items())},
        },
    )


def cpu(per_key: float, per_event: float, script: float) -> Figure:
    """CPU seconds per fresh key with its Event, and the script's."""
    ratio = per_key / script
    return Figure(
        "cpu",
        "operator CPU per fresh key, with its Event",
        f"{per_key * _MILLI:.1f} ms ({per_event * _MILLI:.1f} of it the Event), {ratio:.2f} x the work script's",
        f"<= {CPU_OF_SCRIPT:g} x the work script's",
        ratio <= CPU_OF_SCRIPT,
        {"per_key": per_key, "per_event": per_event, "script": script, "ratio": ratio},
    )


def settled(count: int, writes: int, calls: Counter[str], sweeps: int) -> Figure:
    """A system at rest over some sweeps."""
    most = math.ceil(count / ASKED_AT_ONCE)
    each = calls.total() / sweeps
    return Figure(
        "settled",
        f"settled system, {count:,} keys, {sweeps} sweeps: writes / LiteLLM calls",
        f"{writes} / {each:g} a sweep",
        f"0 / {most} a sweep",
        writes == 0 and each <= most,
        {"writes": writes, "calls_per_sweep": each},
    )


def restart(count: int, seconds: float, writes: int, calls: Counter[str]) -> Figure:
    """A restart of a settled system, and the time after it."""
    return Figure(
        "restart",
        f"restart with {count:,} keys, first {seconds:g} s: writes / LiteLLM calls",
        f"{writes} / {calls.total()}",
        f"0 / <= {MOST_AFTER_START}",
        writes == 0 and calls.total() <= MOST_AFTER_START,
        {"writes": writes, "calls": calls.total()},
    )


def served(count: int, seconds: float) -> Figure:
    """A key that waits when the operator starts again."""
    return Figure(
        "served",
        f"restart with {count:,} keys after a clean exit: a waiting key is served",
        f"after {seconds:.1f} s",
        f"< {SERVED_AFTER_START:g} s",
        seconds < SERVED_AFTER_START,
        {"seconds": seconds},
    )


def many(count: int, memory: float, peak: float, calls: Counter[str]) -> Figure:
    """Memory in MiB and the calls of one sweep."""
    return Figure(
        "many",
        f"{count:,} keys: memory; one sweep",
        f"{memory:.0f} MiB (peak {peak:.0f}); {calls.total()} calls",
        f"< {MOST_MEMORY:g} MiB; <= {MOST_OF_A_SWEEP} calls",
        memory < MOST_MEMORY and calls.total() <= MOST_OF_A_SWEEP,
        {"memory": memory, "peak": peak, "calls": calls.total()},
    )


def deletion(count: int, seconds: float, bare: Pace) -> Figure:
    """Many resources deleted at once, until the last is gone."""
    rate = count / seconds
    ratio = rate / bare.rate
    return Figure(
        "deletion",
        f"{count:,} keys deleted at once, until gone",
        f"{rate:.0f} keys/s, {ratio:.1f} x bare single deletes ({bare.rate:.0f}/s, {bare.concurrency} at a time)",
        f">= {FASTER_THAN_SINGLE:g} x",
        ratio >= FASTER_THAN_SINGLE,
        {"rate": rate, "bare": bare.rate, "ratio": ratio},
    )


def meanwhile(served_after: float, batch_after: float) -> Figure:
    """A key applied while many are deleted: when it, and when the batch was done, from its application."""
    return Figure(
        "meanwhile",
        "a new key meanwhile",
        f"served after {served_after:.1f} s; the batch took {batch_after:.1f} s more",
        f"within the batch + {SERVED_BEYOND_BATCH:g} s",
        served_after <= batch_after + SERVED_BEYOND_BATCH,
        {"served_after": served_after, "batch_after": batch_after},
    )


def lateness(late: Sequence[float], expected: int, window: float) -> Figure:
    """By how many seconds expired keys were deleted in LiteLLM after their time."""
    early = sum(1 for seconds in late if seconds < 0)
    p50, p99 = percentile(late, 0.5), percentile(late, 0.99)
    missing = f", {expected - len(late)} not at all" if len(late) < expected else ""
    return Figure(
        "lateness",
        f"{expected:,} keys that expire within {window:g} s: deleted in LiteLLM how late",
        f"p50 {p50:.2f} s, p99 {p99:.2f} s{missing}",
        f"p99 < {LATENESS:g} s, none early",
        p99 < LATENESS and not early and len(late) == expected,
        {"p50": p50, "p99": p99, "early": early, "missing": expected - len(late)},
    )
