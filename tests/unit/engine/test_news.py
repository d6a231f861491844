"""What is observed, and who is looked at because of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.engine.cache import Cache
from litellm_key_operator.engine.news import News
from litellm_key_operator.engine.queue import Item, Queue


def key(name: str, version: int, *, secret: str | None = None, role_at: str | None = None) -> LiteLLMKey:
    spec: dict[str, Any] = {
        "roleRef": {"name": "role", "namespace": role_at},
        "secret": {"name": secret} if secret else {},
    }
    meta = {"namespace": "team", "name": name, "uid": f"uid-{name}", "resourceVersion": str(version), "generation": 1}
    return LiteLLMKey.model_validate({"metadata": meta, "spec": spec})


def secret(name: str, version: int, owner: str | None) -> SecretSeen:
    nothing: Mapping[str, str] = {}
    return SecretSeen(
        namespace="team",
        name=name,
        uid=f"secret-{name}",
        resource_version=str(version),
        owner_uid=owner,
        type="Opaque",
        immutable=False,
        labels=nothing,
        annotations=nothing,
        hashes=nothing,
    )


class Engine:
    """A queue whose runs write a Key and its Secret: the watch is faster than the answers."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.ran: list[str] = []
        self.queue = Queue(self.work, workers=4, retry_min=0.01, retry_max=0.04)
        self.news = News(self.cache, self.queue)
        self.foreign: LiteLLMKey | None = None

    async def work(self, item: Item) -> None:
        if item.name not in self.cache.keys:
            return
        self.ran.append(item.name)
        if len(self.ran) > 1:
            return
        ours, made = key("app", 2), secret("app", 3, "uid-app")
        self.news.key_seen(ours)
        self.news.secret_seen(made)
        if self.foreign is not None:
            self.news.key_seen(self.foreign)
        self.cache.put_key(ours)
        self.cache.put_secret(made)

    async def run(self) -> None:
        self.news.key_seen(key("app", 1))
        self.queue.start()
        await self.rest()

    async def rest(self) -> None:
        """Returns when nothing runs and nothing waits."""
        async with asyncio.timeout(5):
            while not self.queue.idle:  # noqa: ASYNC110 - the queue tells nobody that it is idle
                await asyncio.sleep(0)


async def test_the_echo_of_what_a_run_wrote_makes_no_other_run() -> None:
    engine = Engine()
    await engine.run()
    assert engine.ran == ["uid-app"]
    assert engine.cache.keys["uid-app"].metadata.resource_version == "2"


async def test_what_somebody_changes_during_a_run_makes_one() -> None:
    engine = Engine()
    engine.foreign = key("app", 4)
    await engine.run()
    assert engine.ran == ["uid-app", "uid-app"]
    assert engine.cache.keys["uid-app"].metadata.resource_version == "4"


async def test_a_secret_concerns_its_owner_and_whoever_wants_its_name() -> None:
    engine = Engine()
    for other in (key("app", 1), key("rival", 1, secret="app"), key("stranger", 1)):
        engine.cache.put_key(other)
    engine.ran.append("nothing is written")
    engine.queue.start()
    engine.news.secret_seen(secret("app", 2, "uid-app"))
    await asyncio.sleep(0.01)
    assert sorted(engine.ran[1:]) == ["uid-app", "uid-rival"]

    # It wants another name now, and the next one is gone: neither is concerned any more.
    engine.cache.put_key(key("rival", 2))
    engine.cache.drop_key("uid-app")
    engine.ran[1:] = []
    engine.news.secret_gone(secret("app", 2, "uid-app"))
    await asyncio.sleep(0.01)
    assert engine.ran[1:] == []
    assert engine.cache.keys_wanting(("team", "app")) == []
    assert [wanting.metadata.name for wanting in engine.cache.keys_wanting(("team", "rival"))] == ["rival"]


async def test_labels_concern_the_keys_that_need_consent_from_the_first_time_they_are_seen() -> None:
    engine = Engine()
    for one in (key("at-home", 1), key("guest", 1, role_at="platform")):
        engine.cache.put_key(one)
    engine.ran.append("nothing is written")
    engine.queue.start()
    for labels, ran in (({"llm": "yes"}, 1), ({"llm": "yes"}, 1), ({"llm": "no"}, 2)):
        engine.news.namespace_seen("team", labels)
        await engine.rest()
        assert engine.ran.count("uid-guest") == ran
    assert "uid-at-home" not in engine.ran
