"""What was done, as the servers and the kernel count it themselves: nothing stands in the way of the calls."""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from dev.bench.clients import PATIENCE, Server
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.api.names import CONNECTION, KEY, ROLE

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_REQUESTS: Final = re.compile(r"apiserver_request_total\{(?P<labels>.*)\} (?P<count>\S+)")
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"})
_STILL: Final = 0.25
"""Seconds without a new request after which those before are taken to be counted."""
_OURS: Final = frozenset({KEY.plural, ROLE.plural, CONNECTION.plural, "secrets"})


class Write(NamedTuple):
    """A kind of request."""

    verb: str
    resource: str


async def writes(kubernetes: Server) -> Counter[Write]:
    """The writes to Secrets and our resources so far, refused ones too; asked when nobody writes any more.

    The API server counts a request a moment after its answer and its watch events are out: this returns when no more
    are counted. Raises TimeoutError if that does not come.
    """
    async with asyncio.timeout(PATIENCE):
        before = await _written(kubernetes)
        while True:
            await asyncio.sleep(_STILL)
            now = await _written(kubernetes)
            if now == before:
                return now
            before = now


async def _written(kubernetes: Server) -> Counter[Write]:
    found: Counter[Write] = Counter()
    for line in (await kubernetes.text("/metrics")).splitlines():
        match = _REQUESTS.match(line)
        if match is None:
            continue
        labels = dict(_LABEL.findall(match["labels"]))
        if labels["verb"] in _WRITES and labels["resource"] in _OURS:
            found[Write(labels["verb"], labels["resource"])] += round(float(match["count"]))
    return found


def to_keys(counted: Counter[Write]) -> int:
    """Those that an operator makes to Keys and Secrets: Keys are made and deleted by their users."""
    users = {Write("POST", KEY.plural), Write("DELETE", KEY.plural)}
    return sum(n for write, n in counted.items() if write.resource in (KEY.plural, "secrets") and write not in users)


def to_others(counted: Counter[Write]) -> int:
    """Those to Roles and Connections."""
    return sum(n for write, n in counted.items() if write.resource in (ROLE.plural, CONNECTION.plural))


def calls(operator: OperatorProcess) -> Counter[str]:
    """The operator's calls to LiteLLM so far, by endpoint."""
    found: Counter[str] = Counter()
    for sample in operator.samples("litellm_key_litellm_requests_total"):
        found[sample.labels["endpoint"]] += round(sample.value)
    return found


def events(operator: OperatorProcess) -> float:
    """The Events that it has posted so far."""
    return operator.metric("litellm_key_kubernetes_requests_total", resource="events", verb="create")


def sweeps(operator: OperatorProcess) -> float:
    """The sweeps that it has finished so far."""
    return operator.metric("litellm_key_reconcile_total", kind="sweep", result="success")


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory(pid: int) -> tuple[float, float]:
    """MiB that a process has in memory now, and that it had at most."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    now, most = (int(status[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))
    return now, most
