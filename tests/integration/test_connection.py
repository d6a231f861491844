"""What a Connection says of itself with the real LiteLLM behind it, and what its keys feel of that."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from dev.controlplane.certificates import Authority
from dev.faultproxy import Answer, Drop, FaultProxy, Hold
from dev.faultrules import Fault
from dev.forwarding import Upstream
from dev.litellm import Endpoint
from tests.integration.site import CONNECTIONS, GOOD, SECRETS, Claim, Site, encoded
from tests.support.litellm_admin import token_id
from tests.support.waiting import until

OTHERS_DELAY: Final = 10.0
"""Seconds that keys may take while another Connection is dead; its calls time out after more."""
STUCK: Final = 40
"""Claims that wait for a dead proxy: more than the operator has workers."""


@pytest.fixture(scope="module", autouse=True)
def secured(litellm: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[FaultProxy, str]]:
    """A way to LiteLLM by TLS, and the certificate to trust.

    It outlives the operator, which is why all tests begin with it: asyncio leaves sockets open whose client does not
    take part in the end of TLS.
    """
    authority = Authority(tmp_path_factory.mktemp("authority"), "right")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.server("litellm", ("127.0.0.1",)))
    with FaultProxy(Upstream(litellm.url), tls) as made:
        yield made, authority.certificate.read_text(encoding="utf-8")


@pytest.fixture
def proxy(site: Site) -> Generator[FaultProxy]:
    """A way to LiteLLM of the test's own."""
    with FaultProxy(Upstream(site.admin.url)) as made:
        yield made


def waiting(site: Site, name: str, **spec: Any) -> Claim:
    """A Connection, a Role at it and a claim of that, all of one name."""
    site.connection(name, **spec)
    site.role(name, connectionRef={"name": name})
    return site.claim(name, name)


def wait_says(site: Site, name: str, reason: str) -> str:
    """Wait for the reason of a Connection's Ready; answers its message."""
    wanted = ("True" if reason == "Connected" else "False", reason)
    until(lambda: site.connection_says(name) == wanted, lambda: f"{wanted}, not {site.connection_says(name)}")
    return site.connection_message(name)


def wait_issued(site: Site, claim: Claim, connection: str = "") -> None:
    """A key that waited is issued as soon as its Connection, by default of its own name, is ready."""
    claim.wait(seconds=OTHERS_DELAY)
    assert site.connection_says(connection or claim.name) == ("True", "Connected")
    assert site.admin.chat(claim.value) == 200


def put(site: Site, secret: str, text: str, entry: str = "master-key") -> None:
    """Change an entry of a Secret."""
    site.at().patch(SECRETS, secret, {"data": {entry: encoded(text)}})


def admin_keys(site: Site) -> list[str]:
    """Two virtual keys of a user who may do everything: they serve as well as the master key."""
    user = site.admin.post("/user/new", user_role="proxy_admin", auto_create_key=False)["user_id"]
    return [str(site.admin.post("/key/generate", user_id=user)["key"]) for _ in range(2)]


def test_a_connection_says_what_it_found(site: Site) -> None:
    claim = waiting(site, "counted")
    second = site.claim("counted-too", "counted")
    wait_issued(site, claim)
    second.wait()

    def status() -> dict[str, Any]:
        found: dict[str, Any] = (site.at().get(CONNECTIONS, "counted") or {})["status"]
        return found

    until(lambda: status().get("keys") == 2, "both keys to be counted")
    assert status()["customKeys"] == "Allowed"
    assert status()["version"][0].isdigit()
    assert status()["observedGeneration"] == 1
    second.delete()
    until(lambda: status().get("keys") == 1, "the count to go down")


CREDENTIALS: Final = {
    "no-secret": ({"name": "absent"}, "SecretNotFound", "there is no entry master-key in Secret"),
    "no-entry": ({"name": "admin", "key": "absent"}, "SecretNotFound", "there is no entry absent in Secret"),
    "empty": ({"name": "empty-credential"}, "SecretNotFound", "there is no entry master-key in Secret"),
    "wrong": ({"name": "wrong-credential"}, "BadCredential", "LiteLLM does not know the admin credential"),
    "no-admin": ({"name": "no-admin-credential"}, "Forbidden", "may not"),
}


@pytest.mark.parametrize("case", CREDENTIALS)
def test_a_credential_that_is_no_good_is_told_and_replaced(site: Site, case: str) -> None:
    ref, reason, words = CREDENTIALS[case]
    if case == "no-admin":
        site.secret(ref["name"], **{"master-key": site.admin.post("/key/generate")["key"]})
    elif case in {"empty", "wrong"}:
        site.secret(ref["name"], **{"master-key": "" if case == "empty" else "sk-nobody-knows-this-one"})
    claim = waiting(site, case, adminKeySecretRef=ref)
    message = wait_says(site, case, reason)
    assert words in message
    claim.wait("ConnectionNotReady", "ConnectionNotReady")
    until(lambda: message in claim.message("Ready"), "the key to say why")
    if case == "no-secret":
        site.secret("absent", **{"master-key": site.admin.master_key})
    else:
        put(site, ref["name"], site.admin.master_key, ref.get("key", "master-key"))
    wait_issued(site, claim)


def _json(status: int, body: object) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


_OLD: Final = _json(200, {"litellm_version": "1.102.7"})
_NO_CUSTOM: Final = {
    "message": "{'error': 'Custom API key values are disabled by your administrator. Keys must be auto-generated.'}",
    "type": "internal_error",
    "param": "None",
    "code": "403",
}
ANSWERS: Final[dict[str, tuple[str, str, Fault, str]]] = {
    "no-database": (
        "GET",
        "/health/readiness$",
        _json(200, {"status": "healthy", "db": "Not connected"}),
        "NoDatabase",
    ),
    "old": ("GET", "/public/model_hub/info|/health/readiness/details", _OLD, "UnsupportedVersion"),
    "custom-keys": ("POST", "/key/generate", _json(403, {"error": _NO_CUSTOM}), "CustomKeysForbidden"),
    "ingress": ("*", "", Answer(503, b"<html>no upstream</html>"), "Unreachable"),
    "cut": ("*", "", Drop(), "Unreachable"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_proxy_that_cannot_serve_is_told_and_watched_until_it_can(site: Site, proxy: FaultProxy, case: str) -> None:
    method, path, fault, reason = ANSWERS[case]
    rule = proxy.on(method, path, fault, nth=None)
    claim = waiting(site, case, url=proxy.url)
    wait_says(site, case, reason)
    claim.wait("ConnectionNotReady", "ConnectionNotReady")
    status = (site.at().get(CONNECTIONS, case) or {})["status"]
    assert status.get("version") == ("1.102.7" if case == "old" else status.get("version"))
    assert (status.get("customKeys") == "Forbidden") is (case == "custom-keys")
    proxy.remove(rule)
    wait_issued(site, claim)


def test_a_refused_connection_is_told_until_somebody_listens(site: Site) -> None:
    proxy = FaultProxy(Upstream(site.admin.url))
    claim = waiting(site, "refused", url=proxy.url)
    assert "no connection to LiteLLM" in wait_says(site, "refused", "Unreachable")
    with proxy:
        wait_issued(site, claim)


def test_an_outage_in_which_nothing_is_to_be_done_is_noticed_by_the_comparison(site: Site, proxy: FaultProxy) -> None:
    claim = waiting(site, "idle", url=proxy.url, sweepInterval="10s")
    wait_issued(site, claim)
    proxy.on("*", "", Drop(), nth=None)
    wait_says(site, "idle", "Unreachable")
    assert claim.says() == GOOD
    proxy.clear()
    wait_says(site, "idle", "Connected")


def test_a_server_of_another_authority_is_not_trusted_until_its_ca_is_declared(
    secured: tuple[FaultProxy, str], site: Site, tmp_path: Path
) -> None:
    proxy, right = secured
    wrong = Authority(tmp_path, "wrong").certificate.read_text(encoding="utf-8")
    site.at().create("configmaps", "ConfigMap", "bundle", data={"ca.crt": wrong})
    claim = waiting(site, "tls", url=proxy.url, tls={"caRef": {"kind": "ConfigMap", "name": "bundle"}})
    assert "no trusted connection" in wait_says(site, "tls", "TLSError")
    site.at().patch("configmaps", "bundle", {"data": {"ca.crt": "no certificate"}})
    until(lambda: "no trusted" not in wait_says(site, "tls", "TLSError"), "the bundle to be read again")
    site.at().patch("configmaps", "bundle", {"data": {"ca.crt": right}})
    wait_issued(site, claim)


def test_another_credential_is_used_without_a_restart(site: Site) -> None:
    first, second = admin_keys(site)
    site.secret("credential", **{"master-key": first})
    claim = waiting(site, "rotating", adminKeySecretRef={"name": "credential"})
    wait_issued(site, claim)
    put(site, "credential", "sk-nobody-knows-this-one")
    wait_says(site, "rotating", "BadCredential")
    assert claim.says()[0] == GOOD[0]
    put(site, "credential", second)
    wait_says(site, "rotating", "Connected")
    site.admin.delete(token_id(first))
    site.claim("after", "rotating").wait()


def test_a_refused_credential_is_read_again_at_once(own_site: Site) -> None:
    old, new = admin_keys(own_site)
    own_site.start(reload_interval="10m").wait_ready()
    own_site.secret("credential", **{"master-key": old})
    wait_issued(own_site, waiting(own_site, "revoked", adminKeySecretRef={"name": "credential"}))
    put(own_site, "credential", new)
    own_site.admin.delete(token_id(old))
    wait_issued(own_site, own_site.claim("after", "revoked"), "revoked")


def test_a_dead_connection_does_not_keep_the_keys_of_others_waiting(own_site: Site) -> None:
    site = own_site
    site.start().wait_ready()
    with FaultProxy(Upstream(site.admin.url)) as silent:
        with FaultProxy(Upstream(site.admin.url)) as refusing:
            for name, url in {"silent": silent.url, "refusing": refusing.url}.items():
                wait_issued(site, waiting(site, name, url=url))
        silent.on("*", "", Hold(), nth=None)
        site.role("alive", allowedNamespaces={"from": "All"})
        for n in range(STUCK):
            site.claim(f"silent-{n}", "silent")
            site.claim(f"refusing-{n}", "refusing")
        began = time.monotonic()
        for namespace in (site.home, site.teams[0]):
            site.claim("alive", "alive", namespace).wait()
        took = time.monotonic() - began
        assert took < OTHERS_DELAY
        silent.clear()
