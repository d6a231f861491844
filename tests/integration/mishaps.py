"""What goes wrong on the way to LiteLLM, and who is there for it to happen to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from dev.faultproxy import Answer, FaultProxy
from tests.integration.site import Claim, Site

GENERATE: Final = "/key/generate"


def connected(site: Site, proxy: FaultProxy, name: str, *, timeout: str = "15s", **terms: Any) -> Claim:
    """A Connection by this proxy, a Role of these terms at it and a claim that has its key, all of one name."""
    site.connection(name, url=proxy.url, timeout=timeout)
    site.role(name, connectionRef={"name": name}, **terms)
    return site.claim(name, name).wait()


def error(status: int, message: str, **headers: str) -> Answer:
    """A refusal in LiteLLM's own shape."""
    told = {"message": message, "type": "internal_error", "param": "None", "code": str(status)}
    return Answer(status, json.dumps({"error": told}).encode(), {"Content-Type": "application/json", **headers})


FAILED: Final = error(500, "Internal Server Error, something went wrong")


def of(claim: str) -> Callable[[bytes], bool]:
    """Whether a registration is this claim's."""
    return lambda body: f'/{claim}"'.encode() in body
