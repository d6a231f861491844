"""The answers for scripts: names may be added here, never taken out."""

from __future__ import annotations

import pytest

from litellm_key_operator.api.common import Model
from litellm_key_operator.plugin import shapes
from litellm_key_operator.plugin.exits import Exit

PROMISED = {
    "TreeShape": "namespace connections unread",
    "ConnectionShape": "namespace name found state message url version roles",
    "RoleShape": "namespace name found state message keysInAll keys",
    "KeyShape": "namespace name state message ready synced role secret revision tokenID preview alias issuedAt "
    "expiresAt renewAt pending retiring",
    "RetiringShape": "revision tokenID retireAt",
    "RotationsShape": "items",
    "RotationShape": "namespace name asked before revision tokenID error",
    "VerificationsShape": "items",
    "VerificationShape": "namespace name works verdict message secret entry url tokenID revision current toldBy alias "
    "teamID userID expiresAt spend maxBudget models",
    "FindingShape": "tokenID namespace matches unread",
    "MatchShape": "standing revision tokenID retireAt key",
    "RevocationsShape": "items",
    "RevocationShape": "namespace name uid tokens gone error",
}


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_field_is_there(name: str) -> None:
    shape: type[Model] = vars(shapes)[name]
    assert set(PROMISED[name].split()) <= {field.serialization_alias for field in shape.model_fields.values()}


def test_every_shape_is_promised() -> None:
    assert set(PROMISED) == {name for name in vars(shapes) if name.endswith("Shape")}


def test_the_exit_codes_are_promised() -> None:
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0,
        "NO": 1,
        "USAGE": 2,
        "ABSENT": 3,
        "REFUSED": 4,
        "UNKNOWN": 5,
        "TIMEOUT": 6,
        "INTERRUPTED": 130,
    }
