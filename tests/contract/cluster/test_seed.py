"""The seed Secret, on a real API server: made once, and never overwritten."""

from __future__ import annotations

import asyncio
import base64

import pytest

from dev.controlplane import Access
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.paths import SECRETS
from litellm_key_operator.cluster.secrets import ClusterSecrets
from litellm_key_operator.cluster.seed import BadSeedError, keyring, load
from litellm_key_operator.domain.errors import Gone


class TestSeed:
    async def test_racing_operators_make_it_once(self, control_plane: Access, namespace: str) -> None:
        clients = [await Client.connect(control_plane.kubeconfig) for _ in range(4)]
        found = await asyncio.gather(*(load(one, namespace, "seed") for one in clients))
        again = await load(clients[0], namespace, "seed")
        for one in clients:
            await one.close()
        assert all((ring.installation, dict(ring.seeds)) == (again.installation, dict(again.seeds)) for ring in found)
        assert len(again.seeds[again.newest]) == 32
        assert again.newest == 1

    async def test_it_is_not_one_of_our_deliveries(self, client: Client, namespace: str) -> None:
        await load(client, namespace, "seed")
        assert await ClusterSecrets(client, [namespace]).list_ours() == []

    async def test_a_bad_one_is_named_and_left_alone(self, client: Client, namespace: str) -> None:
        data = {"installation": base64.b64encode(b"abc").decode(), "1": base64.b64encode(b"short").decode()}
        made = await client.request(
            "POST", SECRETS.within(namespace), body={"metadata": {"name": "seed"}, "data": data}
        )
        with pytest.raises(BadSeedError, match=rf"Secret {namespace}/seed, entry 1: must be 32 random bytes, not 5"):
            await load(client, namespace, "seed")
        assert await client.get(SECRETS.of(namespace, "seed")) == made

    async def test_it_needs_its_namespace(self, client: Client) -> None:
        with pytest.raises(Gone):
            await load(client, "no-such-namespace", "seed")


def test_a_keyring_may_have_several_seeds() -> None:
    ring = keyring("n/s", {"installation": b"abc-1", "1": b"a" * 32, "12": b"b" * 32})
    assert (ring.installation, ring.newest) == ("abc-1", 12)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, "entry installation"),
        ({"installation": b"A/b", "1": b"a" * 32}, "entry installation"),
        ({"installation": b"\xff", "1": b"a" * 32}, "entry installation"),
        ({"installation": b"abc"}, "no seed"),
        ({"installation": b"abc", "0": b"a" * 32}, "entry 0"),
        ({"installation": b"abc", "one": b"a" * 32}, "entry one"),
        ({"installation": b"abc", "1": b"a" * 31}, "entry 1"),
    ],
)
def test_a_bad_keyring_is_named(data: dict[str, bytes], said: str) -> None:
    with pytest.raises(BadSeedError, match=said) as caught:
        keyring("n/s", data)
    assert "aaaa" not in str(caught.value)
