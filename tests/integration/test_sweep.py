"""What others change in LiteLLM is noticed by the sweep, and what nobody changed costs next to nothing."""

from __future__ import annotations

from tests.integration.site import SWEPT, Site
from tests.kill.site import until


def test_the_swept_connection_is_ready(site: Site) -> None:
    until(lambda: site.connection_says(SWEPT) == ("True", "Connected"), "the connection")
