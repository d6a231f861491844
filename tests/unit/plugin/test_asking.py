"""What LiteLLM's answers to a key mean, as its versions spell them."""

from __future__ import annotations

import pytest

from litellm_key_operator.domain.errors import Unavailable
from litellm_key_operator.gateway.wire import Reply
from litellm_key_operator.plugin.asking import _refused  # pyright: ignore[reportPrivateUsage]
from litellm_key_operator.plugin.shapes import Verdict

ROUTE = {"detail": "Virtual key is not allowed to call this route. Only allowed to call routes: ['llm_api_routes']."}
UNKNOWN = "Authentication Error, Invalid proxy server token passed. Unable to find token in cache or `X`"


def error(text: str, code: str = "401") -> dict[str, object]:
    return {"error": {"message": text, "type": "x", "param": "None", "code": code}}


@pytest.mark.parametrize(
    ("status", "payload", "verdict"),
    [
        (200, {"data": []}, None),
        (403, ROUTE, None),
        (401, error(UNKNOWN), Verdict.NOT_KNOWN),
        (401, error("Authentication Error, Invalid API key provided."), Verdict.NOT_KNOWN),
        (401, error("Authentication Error - Expired Key. Key Expiry time 2026-03-01"), Verdict.EXPIRED),
        (400, error("Authentication Error - Expired Key. Key Expiry time 2026-03-01", "400"), Verdict.EXPIRED),
        (401, error("Authentication Error, Key is blocked. Update via `/key/unblock`"), Verdict.BLOCKED),
        (401, error("Authentication Error, Team=t is blocked. Update via `/team/unblock`"), Verdict.BLOCKED),
        (422, error("Budget has been exceeded! Key=k", "422"), Verdict.OVER_BUDGET),
        (400, error("Budget has been exceeded! Team=t", "400"), Verdict.OVER_BUDGET),
        (401, error("Authentication Error, something else"), Verdict.REFUSED),
    ],
)
def test_a_verdict_is_by_what_litellm_says(status: int, payload: object, verdict: Verdict | None) -> None:
    refused = _refused(Reply("/key/info", status, payload))
    assert (refused and refused[0]) == verdict


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        (500, error("Internal Server Error", "500")),
        (503, error("Service Unavailable", "503")),
        (401, error("Authentication Error, Can't reach database server at `db`")),
        (404, {"detail": "Not Found"}),
        (302, None),
        (403, None),
        (429, error("slow down", "429")),
    ],
)
def test_what_says_nothing_about_the_key_is_no_verdict(status: int, payload: object) -> None:
    with pytest.raises(Unavailable):
        _refused(Reply("/v1/models", status, payload))
