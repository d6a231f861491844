"""What the engine can be told at its start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Times are in seconds. `reload_interval`: how often credentials and CAs are compared with what is in use."""

    cluster_name: str = ""
    workers: int = 32
    retry_min: float = 0.5
    retry_max: float = 300.0
    reload_interval: float = 30.0
    walk_interval: float = 3600.0
    tombstone_age: float = 86400.0
