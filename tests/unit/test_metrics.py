"""Metrics: the names promised, and series that live as long as their object."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from typing_extensions import override

from litellm_key_operator import metrics
from litellm_key_operator.metrics import ConnectionCollector, ConnectionSeries, KeyCollector, KeySeries

PROMISED = {
    "litellm_key_issued",
    "litellm_key_rotated",
    "litellm_key_extended",
    "litellm_key_revoked",
    "litellm_key_drift_repaired",
    "litellm_key_reconcile",
    "litellm_key_reconcile_duration_seconds",
    "litellm_key_time_to_ready_seconds",
    "litellm_key_expiry_lateness_seconds",
    "litellm_key_queue_depth",
    "litellm_key_litellm_requests",
    "litellm_key_litellm_request_duration_seconds",
    "litellm_key_kubernetes_requests",
    "litellm_key_watch_restarts",
    "litellm_key_leader",
    "litellm_key_build_info",
}
OF_KEYS = {
    "litellm_key_info",
    "litellm_key_status_condition",
    "litellm_key_status_reason",
    "litellm_key_expiration_timestamp_seconds",
    "litellm_key_renewal_timestamp_seconds",
    "litellm_key_revocation_blocked",
}
LABELS = {"namespace": "team-a", "name": "app", "role": "platform/chat"}


def series(**changes: object) -> KeySeries:
    fields: dict[str, object] = {
        **LABELS,
        "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
        "renew_at": datetime(2026, 12, 1, tzinfo=UTC),
        "connection": "platform/a",
        "renewal": "Rotate",
        "conditions": {"Ready": ("True", "Issued"), "Synced": ("Unknown", "Unreachable")},
    }
    return KeySeries(**{**fields, **changes})  # type: ignore[arg-type]


def test_every_promised_metric_is_registered_and_no_other() -> None:
    assert {family.name for family in metrics.REGISTRY.collect()} == PROMISED


def test_the_collectors_describe_what_is_promised_of_objects() -> None:
    assert {family.name for family in KeyCollector(list).describe()} == OF_KEYS
    assert {family.name for family in KeyCollector(list).collect()} == OF_KEYS
    assert {family.name for family in ConnectionCollector(list).describe()} == {"litellm_key_connection_ready"}


def test_a_key_has_one_sample_per_condition_and_status() -> None:
    registry = CollectorRegistry()
    registry.register(KeyCollector(lambda: [series()]))
    values = {
        (condition, status): registry.get_sample_value(
            "litellm_key_status_condition", {**LABELS, "condition": condition, "status": status}
        )
        for condition in ("Ready", "Synced")
        for status in ("True", "False", "Unknown")
    }
    assert {pair for pair, value in values.items() if value == 1} == {("Ready", "True"), ("Synced", "Unknown")}
    assert set(values.values()) == {0, 1}


def test_families_are_made_one_after_the_other() -> None:
    looked: list[str] = []

    class Watched(dict[str, tuple[str, str]]):
        @override
        def items(self) -> Any:
            looked.append("conditions")
            return super().items()

    families = iter(KeyCollector(lambda: [series(conditions=Watched(Ready=("True", "Issued")))]).collect())
    assert next(families).name == "litellm_key_info"
    assert looked == []
    assert next(families).name == "litellm_key_status_condition"
    assert looked == ["conditions"]


def test_expiry_and_renewal_are_in_unix_time_and_absent_if_there_are_none() -> None:
    keys = [series(), series(name="forever", expires_at=None, renew_at=None)]
    registry = CollectorRegistry()
    registry.register(KeyCollector(lambda: keys))
    name = "litellm_key_expiration_timestamp_seconds"
    assert registry.get_sample_value(name, LABELS) == datetime(2027, 1, 1, tzinfo=UTC).timestamp()
    assert registry.get_sample_value(name, {**LABELS, "name": "forever"}) is None
    name = "litellm_key_renewal_timestamp_seconds"
    assert registry.get_sample_value(name, LABELS) == datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert registry.get_sample_value(name, {**LABELS, "name": "forever"}) is None


def test_the_series_go_with_the_object() -> None:
    keys = {"uid": series()}
    registry = CollectorRegistry()
    registry.register(KeyCollector(keys.values))
    assert b'name="app"' in generate_latest(registry)
    keys.clear()
    assert b'name="app"' not in generate_latest(registry)


def test_registering_does_not_walk_over_the_keys() -> None:
    walks: list[int] = []

    def keys() -> list[KeySeries]:
        walks.append(1)
        return []

    registry = CollectorRegistry()
    registry.register(KeyCollector(keys))
    assert walks == []
    registry.collect()


def test_keys_that_cannot_be_revoked_are_counted_by_connection() -> None:
    registry = CollectorRegistry()
    keys = [series(), series(name="one", blocked=True), series(name="two", blocked=True)]
    registry.register(KeyCollector(lambda: keys))
    assert registry.get_sample_value("litellm_key_revocation_blocked", {"connection": "platform/a"}) == 2
    assert registry.get_sample_value("litellm_key_revocation_blocked", {"connection": "platform/b"}) is None


def test_a_key_tells_its_connection_and_what_happens_at_its_end() -> None:
    registry = CollectorRegistry()
    registry.register(KeyCollector(lambda: [series()]))
    labels = {**LABELS, "connection": "platform/a", "renewal": "Rotate"}
    assert registry.get_sample_value("litellm_key_info", labels) == 1


def test_only_what_is_not_true_has_a_reason() -> None:
    registry = CollectorRegistry()
    registry.register(KeyCollector(lambda: [series()]))
    samples = [sample for family in registry.collect() for sample in family.samples]
    reasons = [sample.labels for sample in samples if sample.name == "litellm_key_status_reason"]
    assert reasons == [{**LABELS, "condition": "Synced", "reason": "Unreachable"}]


def test_a_connection_is_ready_or_not_with_its_reason() -> None:
    registry = CollectorRegistry()
    told = [ConnectionSeries("platform/a", True, "Connected"), ConnectionSeries("platform/b", False, "TLSError")]
    registry.register(ConnectionCollector(lambda: told))
    samples = [(sample.labels, sample.value) for family in registry.collect() for sample in family.samples]
    assert samples == [
        ({"connection": "platform/a", "reason": "Connected"}, 1),
        ({"connection": "platform/b", "reason": "TLSError"}, 0),
    ]
