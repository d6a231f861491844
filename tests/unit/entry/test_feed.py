"""What is watched reaches the engine as types, and what cannot be read is said once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
import structlog

from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.entry.feed import CONNECTIONS, KEYS, NAMESPACES, ROLES, SECRETS, Feed


class Recorder:
    """An engine that remembers what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        self.known: set[tuple[str, str]] = set()

    def has_key(self, uid: str, version: str) -> bool:
        return (uid, version) in self.known

    def __getattr__(self, name: str) -> Any:
        def hear(*told: Any) -> None:
            first = told[0]
            self.heard.append((name, getattr(getattr(first, "metadata", first), "name", first)))

        return hear


def parse_secret(body: Mapping[str, Any]) -> SecretSeen:
    return SecretSeen(
        namespace=body["metadata"]["namespace"],
        name=body["metadata"]["name"],
        uid=body["metadata"]["uid"],
        resource_version=body["metadata"]["resourceVersion"],
        owner_uid=None,
        type="Opaque",
        immutable=False,
        labels={},
        annotations={},
    )


def body(spec: Mapping[str, Any], version: str = "1", name: str = "app") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "team-a", "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": metadata, "spec": spec}


KEY = body({"roleRef": {"name": "chat"}})
ROLE = body({"models": ["gpt-4o-mini"], "ttl": "30d"})
CONNECTION = body({"url": "http://litellm:4000", "adminKeySecretRef": {"name": "admin"}})


def feed_of(engine: Recorder, *, namespaces: bool) -> Feed:
    def deliver(call: Callable[[Any], None], value: Any) -> None:
        call(value)

    return Feed(cast("Any", engine), deliver, parse_secret=parse_secret, namespaces=namespaces)


@pytest.fixture
def engine() -> Recorder:
    return Recorder()


@pytest.fixture
def feed(engine: Recorder) -> Feed:
    return feed_of(engine, namespaces=True)


def test_each_kind_arrives_where_it_belongs(feed: Feed, engine: Recorder) -> None:
    for resource, what in ((KEYS, KEY), (ROLES, ROLE), (CONNECTIONS, CONNECTION), (SECRETS, KEY), (NAMESPACES, KEY)):
        for event in (None, "ADDED", "MODIFIED", "DELETED"):
            feed.sources[resource].receive(event, what)
    for kind in ("key", "role", "connection", "secret", "namespace"):
        heard = [told for told in engine.heard if told[0].startswith(kind)]
        assert heard == [(f"{kind}_seen", "app")] * 3 + [(f"{kind}_gone", "app")]


def test_a_key_that_is_known_in_this_version_is_no_news(feed: Feed, engine: Recorder) -> None:
    engine.known = {("uid-app", "1")}
    for event in (None, "ADDED", "MODIFIED"):
        feed.sources[KEYS].receive(event, KEY)
    assert engine.heard == []
    feed.sources[KEYS].receive("MODIFIED", {**KEY, "metadata": {**KEY["metadata"], "resourceVersion": "2"}})
    feed.sources[KEYS].receive("DELETED", KEY)
    assert engine.heard == [("key_seen", "app"), ("key_gone", "app")]


def test_without_the_right_to_see_namespaces_they_are_not_watched(engine: Recorder) -> None:
    assert set(feed_of(engine, namespaces=False).sources) == {
        KEYS,
        ROLES,
        CONNECTIONS,
        SECRETS,
    }


def test_an_unreadable_object_is_said_once_per_version_with_its_field(feed: Feed, engine: Recorder) -> None:
    bad, worse = body({"roleRef": {"name": 7}}), body({"roleRef": {"name": 7}}, version="2")
    with structlog.testing.capture_logs() as lines:
        for what in (bad, bad, worse, bad, worse):
            feed.sources[KEYS].receive("MODIFIED", what)
    assert engine.heard == []
    assert len(lines) == 4
    assert lines[0]["kind"] == "LiteLLMKey"
    assert (lines[0]["namespace"], lines[0]["name"]) == ("team-a", "app")
    assert lines[0]["problems"][0].startswith("spec.roleRef.name: ")


def test_a_mended_object_is_seen_again(feed: Feed, engine: Recorder) -> None:
    with structlog.testing.capture_logs():
        feed.sources[KEYS].receive("ADDED", body({"roleRef": {}}))
    feed.sources[KEYS].receive("MODIFIED", KEY)
    assert engine.heard == [("key_seen", "app")]


def test_a_list_is_told_by_kind(feed: Feed, engine: Recorder) -> None:
    for plural in ("litellmkeys", "secrets", "namespaces", "v1alpha1"):
        feed.listed(plural)
    assert engine.heard == [("relisted", "LiteLLMKey"), ("relisted", "Secret"), ("relisted", "Namespace")]
