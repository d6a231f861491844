"""The installation's seeds, in a Secret that the operator makes once and never writes again."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Final, cast

from litellm_key_operator.api.names import PROGRAM
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.patch import Json
from litellm_key_operator.cluster.paths import SECRETS
from litellm_key_operator.domain.errors import Conflict, Gone, Unavailable
from litellm_key_operator.domain.material import Keyring

_INSTALLATION: Final = "installation"
_ID: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,4}")
_BYTES: Final = 32
_TRIES: Final = 3


class BadSeedError(Exception):
    """The seed Secret holds something that no keys can be derived from; names the entry, never its value."""


async def load(client: Client, namespace: str, name: str) -> Keyring:
    """The keyring in this Secret, which is made if it is absent: of racing operators one makes it, all read the same.

    Raises BadSeedError (the Secret is left as it is), Denied, Rejected, Gone (no such namespace), Unavailable.
    """
    path = SECRETS.of(namespace, name)
    for _ in range(_TRIES):
        # Read before create: where a quota is full a create is refused although the Secret is there.
        try:
            return keyring(f"{namespace}/{name}", _decoded(await client.get(path)))
        except Gone:
            pass
        try:
            return keyring(
                f"{namespace}/{name}",
                _decoded(await client.request("POST", SECRETS.within(namespace), body=_fresh(name))),
            )
        except Conflict:
            continue
    raise Unavailable(f"the seed Secret {namespace}/{name} comes and goes")


def keyring(where: str, data: Mapping[str, bytes]) -> Keyring:
    """The keyring that a Secret's entries are. Raises BadSeedError naming the entry."""
    installation = data.get(_INSTALLATION, b"").decode("ascii", errors="replace")
    if not _ID.fullmatch(installation):
        raise BadSeedError(
            f"Secret {where}, entry {_INSTALLATION}: must be 1 to 63 lower-case letters, digits and inner hyphens"
        )
    seeds: dict[int, bytes] = {}
    for name, seed in data.items():
        if name == _INSTALLATION:
            continue
        if not _NUMBER.fullmatch(name):
            raise BadSeedError(f"Secret {where}, entry {name}: must be {_INSTALLATION} or a number from 1 to 99999")
        if len(seed) != _BYTES:
            raise BadSeedError(f"Secret {where}, entry {name}: must be {_BYTES} random bytes, not {len(seed)}")
        seeds[int(name)] = seed
    if not seeds:
        raise BadSeedError(f"Secret {where}: has no seed; one entry must be a number, such as 1, and {_BYTES} bytes")
    return Keyring(installation, seeds)


def _decoded(secret: Json) -> dict[str, bytes]:
    data = cast("dict[str, str]", secret.get("data") or {})
    return {name: base64.b64decode(value) for name, value in data.items()}


def _fresh(name: str) -> Json:
    entries = {_INSTALLATION: secrets.token_hex(8).encode(), "1": secrets.token_bytes(_BYTES)}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": PROGRAM}},
        "type": "Opaque",
        "data": {entry: base64.b64encode(value).decode() for entry, value in entries.items()},
    }
