"""Metrics, as `/metrics` shows them; the names are a promise to dashboards and alerts."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

_PREFIX: Final = "litellm_key"
_TRUE: Final = "True"
_STATUSES: Final = (_TRUE, "False", "Unknown")

# The library would add a series with the moment of its creation to every counter and histogram.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY: Final = CollectorRegistry(auto_describe=True)
"""Ours alone: a library that registers metrics of its own does not change what we promise."""


def _counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, namespace=_PREFIX, registry=REGISTRY)


def _gauge(name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, labels, namespace=_PREFIX, registry=REGISTRY)


def _histogram(name: str, text: str, *labels: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(name, text, labels, namespace=_PREFIX, registry=REGISTRY, buckets=buckets)


_CALL: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0)
_WAIT: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_LATE: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0)

ISSUED: Final = _counter("issued", "Registrations of new keys in LiteLLM", "connection", "result")
ROTATED: Final = _counter(
    "rotated", "Rotations, by new values that took over; error: those that fail for now", "connection", "result"
)
EXTENDED: Final = _counter("extended", "Live keys that were given a later end", "connection", "result")
REVOKED: Final = _counter("revoked", "Deletions of keys in LiteLLM", "connection", "result")
DRIFT_REPAIRED: Final = _counter("drift_repaired", "Keys put back to what is declared", "connection", "result")
RECONCILES: Final = _counter("reconcile", "Runs over one resource", "kind", "result")
RECONCILE_SECONDS: Final = _histogram(
    "reconcile_duration_seconds", "Duration of one run over one resource", "kind", buckets=_CALL
)
TIME_TO_READY: Final = _histogram(
    "time_to_ready_seconds", "From the creation of a Key until its Secret was there", buckets=_WAIT
)
EXPIRY_LATENESS: Final = _histogram(
    "expiry_lateness_seconds", "From the expiry of a key until it was deleted in LiteLLM", buckets=_LATE
)
QUEUE_DEPTH: Final = _gauge("queue_depth", "Resources that wait for a worker")
LITELLM_REQUESTS: Final = _counter(
    "litellm_requests", "Requests to LiteLLM; code is the HTTP status, or what kept an answer away",
    "connection", "endpoint", "code",
)  # fmt: skip
LITELLM_SECONDS: Final = _histogram(
    "litellm_request_duration_seconds", "Duration of requests to LiteLLM", "connection", "endpoint", buckets=_CALL
)
KUBERNETES_REQUESTS: Final = _counter(
    "kubernetes_requests", "Requests to the Kubernetes API, watches aside", "verb", "resource", "code"
)
WATCH_RESTARTS: Final = _counter("watch_restarts", "How often the watches had to be started anew")
LEADER: Final = _gauge("leader", "1 while this process holds the Lease, or works without one")
BUILD_INFO: Final = _gauge("build_info", "Always 1; the label has the version", "version")


@dataclass(frozen=True, slots=True)
class KeySeries:
    """What is shown of one Key. `conditions` are status (`True`, `False`, `Unknown`) and reason by type.

    `connection` is `<namespace>/<name>`, empty if unknown, as is `renewal`. `blocked`: it cannot be revoked at present.
    """

    namespace: str
    name: str
    role: str
    connection: str
    renewal: str
    expires_at: datetime | None
    renew_at: datetime | None
    conditions: Mapping[str, tuple[str, str]]
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class ConnectionSeries:
    """What is shown of one Connection, `<namespace>/<name>`."""

    connection: str
    ready: bool
    reason: str


Samples: TypeAlias = Iterator[tuple[tuple[str, ...], float]]
"""Label values and value of each."""


def _info(key: KeySeries) -> Samples:
    yield (key.connection, key.renewal), 1.0


def _conditions(key: KeySeries) -> Samples:
    for condition, (status, _) in key.conditions.items():
        for candidate in _STATUSES:
            yield (condition, candidate), float(candidate == status)


def _reasons(key: KeySeries) -> Samples:
    for condition, (status, reason) in key.conditions.items():
        if status != _TRUE:
            yield (condition, reason), 1.0


def _expiration(key: KeySeries) -> Samples:
    if key.expires_at is not None:
        yield (), key.expires_at.timestamp()


def _renewal(key: KeySeries) -> Samples:
    if key.renew_at is not None:
        yield (), key.renew_at.timestamp()


_OF_KEY: Final = ("namespace", "name", "role")
_BY_KEY: Final[tuple[tuple[str, str, tuple[str, ...], Callable[[KeySeries], Samples]], ...]] = (
    (
        "info",
        "Always 1; renewal is Rotate, Extend or None, and empty while the role is not known",
        ("connection", "renewal"),
        _info,
    ),
    (
        "status_condition",
        "1 for the status that a condition of a Key has, 0 for the others",
        ("condition", "status"),
        _conditions,
    ),
    (
        "status_reason",
        "1 for the reason why a condition of a Key is not True; absent while it is",
        ("condition", "reason"),
        _reasons,
    ),
    (
        "expiration_timestamp_seconds",
        "When the key expires in LiteLLM, in Unix time; absent if never",
        (),
        _expiration,
    ),
    (
        "renewal_timestamp_seconds",
        "When the key is renewed, in Unix time; absent if not by itself",
        (),
        _renewal,
    ),
)
"""Name, text and further labels of each family, and what a Key adds to it."""


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=labels)


def _blocked() -> GaugeMetricFamily:
    return _family("revocation_blocked", "Keys that cannot be revoked at present", "connection")


class KeyCollector(Collector):
    """Gauges per Key, computed when they are asked for: they cost nothing in between and go with their object."""

    def __init__(self, keys: Callable[[], Iterable[KeySeries]]) -> None:
        self._keys = keys

    def describe(self) -> tuple[GaugeMetricFamily, ...]:
        """The families without samples, so that registering does not walk over all Keys."""
        return (*(_family(name, text, *_OF_KEY, *labels) for name, text, labels, _ in _BY_KEY), _blocked())

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample per Key, condition and status, one for each end and each renewal, one per blocking connection.

        One family after the other: with many Keys, all of them together are the largest thing in this process.
        """
        keys = list(self._keys())
        for name, text, labels, samples in _BY_KEY:
            family = _family(name, text, *_OF_KEY, *labels)
            for key in keys:
                for values, value in samples(key):
                    family.add_metric((key.namespace, key.name, key.role, *values), value)
            yield family
        blocked = _blocked()
        for connection, count in Counts(key.connection for key in keys if key.blocked).items():
            blocked.add_metric([connection], float(count))
        yield blocked


class ConnectionCollector(Collector):
    """The same per Connection."""

    def __init__(self, connections: Callable[[], Iterable[ConnectionSeries]]) -> None:
        self._connections = connections

    def describe(self) -> tuple[GaugeMetricFamily, ...]:
        """The family without samples."""
        text = "1 while the proxy answers and keys can be managed, else 0; reason says what it is"
        return (_family("connection_ready", text, "connection", "reason"),)

    @override
    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample per Connection that was checked."""
        (family,) = self.describe()
        for one in self._connections():
            family.add_metric([one.connection, one.reason], float(one.ready))
        return (family,)
