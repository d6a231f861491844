from typing import Any

import pytest

from litellm_key_operator.api.key import KeyStatus
from litellm_key_operator.api.names import ANNOTATION_INSTALLATION
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.record import Record, Retiring, installation_of, record, seed_of_first, status
from tests.unit.domain.objects import LATER, NOW, ONE, PROXY, TWO, issued, key


def written(noted: Record) -> dict[str, Any]:
    return status(noted, (), 3).model_dump(mode="json", by_alias=True)


def read(told: dict[str, Any]) -> Record:
    return record(key().model_copy(update={"status": KeyStatus.model_validate(told)}))


@pytest.mark.parametrize(
    "noted",
    [
        Record(held=True),
        Record(held=True, pending=ONE, proxy=PROXY),
        Record(held=True, pending=ONE.in_doubt(), proxy=PROXY),
        issued(),
        issued(current=ONE.in_doubt()),
        issued(current=TWO, retiring=(Retiring(ONE, NOW), Retiring(TWO.in_doubt(), LATER))),
        issued(pending=TWO, preview="sk-...abcd", applied={"rpm_limit": 5, "duration": "60s"}),
    ],
)
def test_what_is_noted_is_read_again(noted: Record) -> None:
    assert read(written(noted)) == noted


def test_every_value_is_known_once_oldest_first() -> None:
    noted = issued(current=TWO, pending=TWO, retiring=(Retiring(ONE, NOW),))

    assert noted.known == (ONE, TWO)


@pytest.mark.parametrize(
    ("features", "works"),
    [({}, True), ({"pending": TWO}, False), ({"ended": True}, False), ({"current": None}, False)],
)
def test_a_key_works_while_nothing_is_to_take_its_place(features: dict[str, Any], works: bool) -> None:
    assert issued(**features).works is works


@pytest.mark.parametrize(
    ("status", "reason", "works"),
    [
        ("True", KeyReason.ISSUED, True),
        ("False", KeyReason.SECRET_CONFLICT, True),
        ("False", KeyReason.SECRET_REJECTED, True),
        ("False", KeyReason.EXTERNALLY_DELETED, False),
        ("False", KeyReason.CONNECTION_NOT_READY, False),
    ],
)
def test_a_key_whose_secret_cannot_be_had_works_on_in_a_rotation(status: str, reason: KeyReason, works: bool) -> None:
    ready = {"type": "Ready", "status": status, "reason": reason, "message": "", "lastTransitionTime": NOW}
    noted = {**written(issued(pending=TWO)), "conditions": [{**ready, "observedGeneration": 1}]}

    assert read(noted).works is works


@pytest.mark.parametrize(
    ("annotation", "installation", "seed"),
    [("", None, 9), ("here/3", "here", 3), ("here", "here", 9), ("here/x", "here", 9), ("here/123456", "here", 9)],
)
def test_what_the_annotation_says(annotation: str, installation: str | None, seed: int) -> None:
    claim = key(annotations={ANNOTATION_INSTALLATION: annotation})

    assert (installation_of(claim), seed_of_first(claim, 9)) == (installation, seed)
