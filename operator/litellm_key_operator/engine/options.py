"""What the engine can be told at its start."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Times are in seconds.

    `reload_interval`: how often what no watch tells of is read: credentials and CAs, and the labels of namespaces too
    unless `namespaces_watched`.
    """

    cluster_name: str = ""
    workers: int = 32
    retry_min: float = 0.5
    retry_max: float = 300.0
    reload_interval: float = 30.0
    namespaces_watched: bool = True
    walk_interval: float = 3600.0
    tombstone_age: float = 86400.0
