import pytest

from litellm_key_operator.api.reasons import ConditionType, ConnectionReason, EventReason, KeyReason, RoleReason


@pytest.mark.parametrize("reason", [*ConditionType, *ConnectionReason, *RoleReason, *KeyReason, *EventReason])
def test_reasons_are_one_camel_case_word(reason: str) -> None:
    assert reason.isalpha()
    assert reason[0].isupper()


def test_events_that_ask_for_attention_are_warnings() -> None:
    assert {reason for reason in EventReason if reason.type == "Normal"} == {
        "KeyIssued",
        "KeyUpdated",
        "KeyExtended",
        "KeyRotated",
        "OldKeyRetired",
        "KeyExpired",
        "KeyRevoked",
        "SecretRestored",
        "DriftRepaired",
    }
    assert EventReason.REVOCATION_BLOCKED.type == "Warning"
