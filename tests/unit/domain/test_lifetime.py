from datetime import timedelta
from typing import Any

import pytest

from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.domain.lifetime import Span, span
from litellm_key_operator.domain.problem import Problem
from tests.unit.domain.objects import key, role

DAY = 86400


def agreed(asked: dict[str, Any], given: dict[str, Any]) -> Span | Problem:
    return span(key(**asked).spec, role(**given).spec)


def seconds(length: timedelta | None) -> int | None:
    return None if length is None else length // timedelta(seconds=1)


@pytest.mark.parametrize(
    ("given", "asked", "ttl"),
    [
        ({"ttl": None}, {}, 30 * DAY),
        ({"ttl": None, "maxTTL": "7d"}, {}, 7 * DAY),
        ({"ttl": None, "maxTTL": "90d"}, {}, 30 * DAY),
        ({"ttl": None, "maxTTL": "90d"}, {"ttl": "60d"}, 60 * DAY),
        ({"ttl": None}, {"ttl": "30d"}, 30 * DAY),
        ({"ttl": "1h", "maxTTL": "2h"}, {"ttl": "2h"}, 7200),
        ({"ttl": "Never"}, {}, None),
    ],
)
def test_how_long_a_key_lives(given: dict[str, Any], asked: dict[str, Any], ttl: int | None) -> None:
    found = agreed(asked, given)

    assert isinstance(found, Span)
    assert seconds(found.ttl) == ttl


@pytest.mark.parametrize(
    ("given", "asked", "before"),
    [
        ({"ttl": "100s"}, {}, 33),
        ({"ttl": "100s", "renewal": {"before": "10s"}}, {}, 10),
        ({"ttl": "100s", "renewal": {"beforePercentage": 50}}, {}, 50),
        ({"ttl": "100s", "renewal": {"before": "10s"}}, {"renewal": {"before": "11s"}}, 11),
        ({"ttl": "100s", "renewal": {"before": "10s"}}, {"renewal": {"beforePercentage": 90}}, 90),
        ({"ttl": "100s", "renewal": {"before": "60s"}}, {"ttl": "50s"}, 16),
        ({"ttl": "2s"}, {}, 1),
        ({"ttl": "Never"}, {"renewal": {"before": "1s"}}, None),
    ],
)
def test_how_long_before_its_end_it_is_renewed(
    given: dict[str, Any], asked: dict[str, Any], before: int | None
) -> None:
    found = agreed(asked, given)

    assert isinstance(found, Span)
    assert seconds(found.before) == before


WIDER: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"ttl": "1h"}, {"ttl": "2h"}, "spec.ttl: 2h was asked for, the role allows 1h"),
    ({"ttl": "1h", "maxTTL": "2h"}, {"ttl": "3h"}, "spec.ttl: 3h was asked for, the role allows 2h"),
    ({"ttl": "1h", "maxTTL": "2h"}, {"ttl": "Never"}, "spec.ttl: Never was asked for, the role allows 2h"),
    (
        {"renewal": {"policy": "Extend"}},
        {"renewal": {"policy": "Rotate"}},
        "spec.renewal.policy: Rotate was asked for, the role allows Extend",
    ),
    (
        {"renewal": {"policy": "None"}},
        {"renewal": {"policy": "Extend"}},
        "spec.renewal.policy: Extend was asked for, the role allows None",
    ),
    (
        {"renewal": {"overlap": "1m"}},
        {"renewal": {"overlap": "61s"}},
        "spec.renewal.overlap: 61s was asked for, the role allows 1m",
    ),
    (
        {"ttl": "100s", "renewal": {"before": "10s"}},
        {"renewal": {"before": "9s"}},
        "spec.renewal.before: 9s was asked for, the role allows 10s or more",
    ),
    (
        {"ttl": "100s"},
        {"renewal": {"beforePercentage": 32}},
        "spec.renewal.beforePercentage: 32 % (32s) was asked for, the role allows 33s or more",
    ),
    (
        {"ttl": "100s"},
        {"renewal": {"before": "100s"}},
        "spec.renewal.before: 100s was asked for, the role allows less than the ttl, 100s",
    ),
]


@pytest.mark.parametrize(("given", "asked", "message"), WIDER)
def test_a_claim_gets_no_more_than_its_role_gives(given: dict[str, Any], asked: dict[str, Any], message: str) -> None:
    assert agreed(asked, given) == Problem(KeyReason.INVALID_SPEC, message)


def test_a_claim_may_ask_for_less() -> None:
    found = agreed({"renewal": {"policy": "None", "overlap": "30s"}}, {"renewal": {"overlap": "1m"}})

    assert isinstance(found, Span)
    assert (found.policy, seconds(found.overlap)) == ("None", 30)
