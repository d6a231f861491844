"""What only the real proxy can show: who may what, its clock, its database going away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dev.litellm import Endpoint, Proxy, Release
from litellm_key_operator.domain.errors import Denied, Rejected, Unavailable
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.engine.connections import OLDEST
from litellm_key_operator.gateway.client import LiteLLM
from litellm_key_operator.ports import Gateway
from tests.support.gateway_worlds import RealWorld, credential, fresh

pytestmark = pytest.mark.servers


async def test_the_oldest_release_is_the_oldest_that_is_supported(oldest_litellm: Proxy) -> None:
    gateway = LiteLLM(credential(oldest_litellm.url, oldest_litellm.master_key))
    version = (await gateway.preflight()).version
    await gateway.close()
    assert version == Release.OLDEST.version
    assert Release.OLDEST.version.startswith(f"{OLDEST[0]}.{OLDEST[1]}.")


async def test_an_unknown_credential_is_denied_everywhere(endpoint: Endpoint) -> None:
    gateway = LiteLLM(credential(endpoint.url, fresh().reveal()))
    token_id = fresh().token_id
    for call in (
        gateway.preflight(),
        gateway.models(),
        gateway.generate(fresh(), {}),
        gateway.info(token_id),
        gateway.infos([token_id]),
        gateway.update(token_id, {}),
        gateway.delete([token_id]),
        gateway.find("alias"),
    ):
        with pytest.raises(Denied, match="does not know the admin credential"):
            await call
    await gateway.close()


@pytest.mark.parametrize("fields", [{}, {"allowed_routes": ["/key/info"]}, {"key_type": "llm_api"}])
async def test_a_key_that_may_not_manage_keys_fails_the_preflight(real: RealWorld, fields: dict[str, object]) -> None:
    value = fresh()
    await real.gateway.generate(value, fields)
    gateway = LiteLLM(credential(real.gateway.url, value.reveal()))
    with pytest.raises(Denied):
        await gateway.preflight()
    await gateway.close()


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": ["a"]},
        {"model_max_budget": {"fake-small": {"budget_limit": 1, "time_period": "1d"}}},
        {"max_budget": -1},
        {"max_budget": "lots"},
        {"budget_duration": "soon"},
        {"duration": "999999w"},
        {"key_alias": "a/../b"},
        {"organization_id": "none"},
        {"project_id": "none"},
    ],
)
async def test_what_litellm_cannot_take_is_rejected_on_issue_and_update(
    real: RealWorld, fields: dict[str, object]
) -> None:
    value = fresh()
    with pytest.raises(Rejected):
        await real.gateway.generate(value, fields)
    assert await real.gateway.info(value.token_id) is None
    await real.gateway.generate(value, {})
    with pytest.raises(Rejected):
        await real.gateway.update(value.token_id, fields)
    assert await real.serves(value)


async def test_an_unknown_team_is_no_missing_key(real: RealWorld) -> None:
    value = fresh()
    await real.gateway.generate(value, {})
    with pytest.raises(Rejected, match="Team"):
        await real.gateway.update(value.token_id, {"team_id": "none"})


async def test_its_clock_is_known_within_a_second_and_never_later(endpoint: Endpoint) -> None:
    took: list[float] = []
    gateway = LiteLLM(
        credential(endpoint.url, endpoint.master_key), observe=lambda _endpoint, _code, seconds: took.append(seconds)
    )
    for _ in range(12):
        await gateway.find("nothing")
        await asyncio.sleep(0.1)
    there = gateway.now()
    behind = datetime.now(UTC) - there
    assert timedelta(0) <= behind < timedelta(seconds=1.1 + min(took))
    await gateway.close()


async def test_a_clock_that_differs_from_ours_is_followed(endpoint: Endpoint) -> None:
    gateway = LiteLLM(credential(endpoint.url, endpoint.master_key), wall=lambda: 0.0, monotonic=lambda: 1e6)
    assert gateway.now().year == 1970
    await gateway.find("nothing")
    there = gateway.now()
    assert timedelta(0) <= datetime.now(UTC) - there < timedelta(seconds=5)
    await gateway.close()


@pytest.mark.slow
async def test_while_the_database_is_away_nobody_knows_anything(own_endpoint: Proxy) -> None:
    gateway = LiteLLM(credential(own_endpoint.url, own_endpoint.master_key))
    value = fresh()
    await gateway.generate(value, {"key_alias": value.token_id})
    stranger = LiteLLM(credential(own_endpoint.url, fresh().reveal()))
    own_endpoint.postgres.stop()
    try:
        await everything_is_unavailable(gateway, value)
        await everything_is_unavailable(stranger, value)
    finally:
        await asyncio.to_thread(own_endpoint.start)
    row = await gateway.info(value.token_id)
    assert row is not None
    await gateway.close()
    await stranger.close()


async def everything_is_unavailable(gateway: Gateway, value: KeyValue) -> None:
    # At once: LiteLLM needs seconds to notice that its database does not answer, each time.
    answers = await asyncio.gather(
        gateway.generate(fresh(), {}),
        gateway.generate(fresh(), {"key_alias": "a"}),
        gateway.info(value.token_id),
        gateway.infos([value.token_id]),
        gateway.update(value.token_id, {"rpm_limit": 5}),
        gateway.delete([value.token_id]),
        gateway.find(value.token_id),
        gateway.preflight(),
        return_exceptions=True,
    )
    assert [answer.sent if isinstance(answer, Unavailable) else answer for answer in answers] == [True] * 8
