"""The end of a key's time, on the real servers."""

from __future__ import annotations

from tests.integration.site import Site


def test_a_role_without_an_end_gives_keys_without_one(site: Site) -> None:
    site.role("endless", ttl="Never")
    claim = site.claim("endless", "endless").wait()
    assert "expiresAt" not in claim.status
    assert claim.field("expires") is None
