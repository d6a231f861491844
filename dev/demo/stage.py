"""What the demo plays on: an API server with the CRDs, a LiteLLM with a mock model, and the operator."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import background, cache, children, controlplane, progress, servers
from dev import litellm as proxy
from dev.children import ServerError
from dev.controlplane import access, binaries
from dev.controlplane.access import CRDS
from dev.ports import LOOPBACK, free_port

ROOT: Final = Path(__file__).resolve().parents[2]
QUICKSTART: Final = ROOT / "examples" / "quickstart"
PLATFORM: Final = "llm-platform"
TENANT: Final = "team-a"
KEPT: Final = "demo"
"""Name of the holder that stays, and with it of this package: it runs `python -m dev.demo hold`."""
PATIENCE: Final = 60.0
"""Seconds that the operator gets to lead; it needs two."""


@dataclass(frozen=True)
class Stage:
    """The servers, and where the operator writes its log."""

    cluster: controlplane.Access
    litellm: proxy.Endpoint
    log: Path


@contextmanager
def own() -> Generator[Stage]:
    """Servers and an operator of the demo's own, all of it ended on the way out."""
    with servers.own() as (plane, endpoint):
        log = _log_of(plane.kubeconfig)
        access.define(plane)
        with _operator(plane, log):
            yield Stage(plane, endpoint, log)


@contextmanager
def kept() -> Generator[Stage]:
    """The same in a process that stays when this one ends; one that stayed before is used again."""
    servers.prepare()
    running = background.start(os.environ, KEPT)
    kubeconfig = Path(running.kubeconfig)
    with children.temporary_folder("llmkeys-access") as home:
        cluster = access.foreign(kubeconfig, binaries.ready().kubectl, home)
        yield Stage(cluster, proxy.Endpoint(running.litellm_url, running.litellm_master_key), _log_of(kubeconfig))


def hold() -> None:
    """What stays: servers and operator, until they are told to end."""
    over = background.told_to_end()
    with own() as stage:
        background.declare(stage.cluster.kubeconfig, stage.litellm.url, stage.litellm.master_key, KEPT)
        over.wait()
        background.withdraw(KEPT)


@contextmanager
def theirs() -> Generator[Stage]:
    """Somebody's own servers, with an operator for two namespaces; whatever the demo makes there is removed."""
    with servers.control_plane() as cluster, servers.litellm() as endpoint, children.temporary_folder("demo") as home:
        _refuse_if_used(cluster)
        defined = bool(cluster.kubectl("get", "-f", str(CRDS), "--ignore-not-found", "-o", "name"))
        try:
            if not defined:
                access.define(cluster)
            cluster.kubectl("apply", "-f", str(QUICKSTART / "00-namespaces.yaml"))
            only = (f"--namespaces={PLATFORM},{TENANT}", f"--operator-namespace={PLATFORM}")
            with _operator(cluster, home / "operator.log", *only):
                try:
                    yield Stage(cluster, endpoint, home / "operator.log")
                finally:
                    forget(cluster)
        finally:
            with progress.step("removing what the demo made"):
                cluster.kubectl("delete", "--ignore-not-found", "-f", str(QUICKSTART / "00-namespaces.yaml"))
                if not defined:
                    cluster.kubectl("delete", "--ignore-not-found", "-f", str(CRDS))


def forget(cluster: controlplane.Access) -> None:
    """Deletes the claims of an earlier telling and what was said of them; returns when their keys are revoked."""
    cluster.kubectl("delete", "litellmkeys", "--all", "-n", TENANT, "--ignore-not-found", "--timeout=60s")
    cluster.kubectl("delete", "events", "--all", "-n", TENANT)


def _refuse_if_used(cluster: controlplane.Access) -> None:
    """Raises `ServerError` where the demo would get into somebody's way."""
    there = cluster.kubectl("get", "namespace", PLATFORM, TENANT, "--ignore-not-found", "-o", "name").split()
    if there:
        raise ServerError(f"{' and '.join(there)} exist at {cluster.url}; the demo makes and removes them, so it stops")
    name = "--field-selector=metadata.name=litellm-key-operator"
    leases = json.loads(cluster.kubectl("get", "leases", "-A", name, "-o", "json"))
    for lease in leases["items"]:
        if lease["spec"].get("holderIdentity"):
            where = lease["metadata"]["namespace"]
            raise ServerError(f"an operator holds the Lease in namespace {where} at {cluster.url}: stop it first")


@contextmanager
def _operator(cluster: controlplane.Access, log: Path, *flags: str) -> Generator[None]:
    """The operator as a process that leads."""
    address = f"{LOOPBACK}:{free_port()}"
    command = (sys.executable, "-m", "litellm_key_operator", "run", f"--http-address={address}", "--log-format=console")
    kept_out = {name: value for name, value in os.environ.items() if not name.startswith("LLMKEYS_")}
    child = children.Child((*command, *flags), log=log, env=kept_out | {"KUBECONFIG": str(cluster.kubeconfig)})
    try:
        with progress.step("starting the operator", "3 s"):
            _wait_until_it_leads(child, f"http://{address}/readyz")
        yield
    finally:
        child.stop()


def _wait_until_it_leads(child: children.Child, page: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline, said = time.monotonic() + PATIENCE, ""
    while said != "leading":
        child.require_alive()
        if time.monotonic() > deadline:
            raise ServerError(f"the operator does not lead ({said}); its log ends\n{children.tail(child.log)}")
        time.sleep(0.1)
        try:
            with opener.open(page, timeout=5) as answer:
                said = answer.read().decode().strip()
        except urllib.error.HTTPError as error:
            said = error.read().decode().strip()
        except OSError as error:
            said = str(error)


def _log_of(kubeconfig: Path) -> Path:
    return kubeconfig.parent / "operator.log"


def down() -> None:
    """Ends what a kept demo left running."""
    progress.note("the demo is down" if background.stop(KEPT) else f"no demo was up (cache: {cache.root()})")
