"""What a Connection says of itself with the real LiteLLM behind it, and what its keys feel of that."""

from __future__ import annotations

from tests.integration.site import CONNECTIONS, DEFAULT, Site
from tests.kill.site import until


def test_a_connection_says_what_it_found(site: Site) -> None:
    until(lambda: site.connection_says(DEFAULT) == ("True", "Connected"), "the connection")
    found = site.at().get(CONNECTIONS, DEFAULT) or {}
    assert found["status"]["customKeys"] == "Allowed"
