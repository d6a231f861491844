"""What an installation derives its values from, read from where the operator keeps it."""

from __future__ import annotations

import base64
from typing import Final

from litellm_key_operator.cluster.seed import keyring
from litellm_key_operator.domain.material import Keyring
from tests.support.cluster import Cluster
from tests.support.waiting import until

SEED: Final = "litellm-key-operator-seed"


def read_keyring(cluster: Cluster) -> Keyring:
    """The keyring in the operator's namespace; waits for it, as there is none before an operator ran."""
    secret = until(lambda: cluster.get("secrets", SEED), "the seed Secret")
    return keyring(SEED, {name: base64.b64decode(text) for name, text in secret["data"].items()})
