"""The clients in use: one per Connection, for as long as anything may have to be revoked through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from litellm_key_operator.gateway.client import LiteLLM
from litellm_key_operator.gateway.transport import Observe
from litellm_key_operator.ports import Credential, Gateway

Ref = tuple[str, str]
"""Namespace and name of a Connection."""


class Pool:
    """Owns the clients. `observer` makes the callback that is told of each call through a Connection."""

    def __init__(self, observer: Callable[[Ref], Observe] | None = None) -> None:
        self._observer = observer
        self._clients: dict[Ref, tuple[Credential, LiteLLM]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def open(self, ref: Ref, credential: Credential) -> Gateway:
        """The client for this Connection, made anew only if the credential is another than before.

        The old one is closed when its calls are over. Raises Denied or Rejected if the credential, the CA bundle or the
        URL cannot be used at all; then the old one stays.
        """
        known = self._clients.get(ref)
        if known is not None and known[0] == credential:
            return known[1]
        client = LiteLLM(credential, observe=None if self._observer is None else self._observer(ref))
        self._clients[ref] = credential, client
        if known is not None:
            self._drain(known[1])
        return client

    def get(self, namespace: str, name: str, url: str) -> Gateway | None:
        """The client for this Connection if it was opened for this URL: a credential goes nowhere else."""
        known = self._clients.get((namespace, name))
        return known[1] if known is not None and known[0].url == url else None

    def forget(self, ref: Ref) -> None:
        """Nothing has to be revoked through this Connection any more: its client closes when its calls are over."""
        known = self._clients.pop(ref, None)
        if known is not None:
            self._drain(known[1])

    async def close(self) -> None:
        """Close all clients; calls under way fail with Unavailable."""
        clients = [client for _, client in self._clients.values()]
        self._clients.clear()
        await asyncio.gather(*(client.close() for client in clients), *self._leaving)

    def _drain(self, client: LiteLLM) -> None:
        task = asyncio.get_running_loop().create_task(client.drain())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
