"""The deletion of a Key, on the real servers."""

from __future__ import annotations

from tests.integration.site import Site


def test_a_deleted_key_is_refused_by_litellm(site: Site) -> None:
    site.role("deleted")
    claim = site.claim("deleted", "deleted").wait()
    value = claim.value
    claim.delete()
    claim.wait_gone()
    assert site.admin.chat(value) == 401
