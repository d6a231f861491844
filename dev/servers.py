"""The real servers that the tests, the demo and the benchmark run on.

`python -m dev.servers up|down|status|prepare` starts both in the background, ends them, says what runs, or only builds
and installs, including each LiteLLM that the tests run on. Whoever sets KUBECONFIG, LITELLM_URL and
LITELLM_MASTER_KEY, all three, has servers of their own used.
"""

import argparse
import os
import shutil
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import background, cache, children, controlplane, progress
from dev import litellm as proxy
from dev.controlplane import access, binaries
from dev.litellm import install

OWN: Final = ("KUBECONFIG", "LITELLM_URL", "LITELLM_MASTER_KEY")
"""Set together they say: use these servers. KUBECONFIG alone is in every developer's shell, and means no such thing."""


@dataclass(frozen=True)
class Servers:
    """An API server and a LiteLLM."""

    control_plane: controlplane.Access
    litellm: proxy.Endpoint


def given() -> dict[str, str] | None:
    """The three variables of servers that run already: from the environment, else those of `up`, else nothing."""
    own = {name: os.environ.get(name, "") for name in OWN}
    if all(own.values()):
        return own
    running = background.found()
    if running is None:
        return None
    return dict(zip(OWN, (running.kubeconfig, running.litellm_url, running.litellm_master_key), strict=True))


@contextmanager
def control_plane() -> Generator[controlplane.Access]:
    """The API server that runs already, else one of our own, which is a `ControlPlane` and can be stopped."""
    variables = given()
    if variables is None:
        with controlplane.started() as plane:
            yield plane
        return
    on_path = shutil.which("kubectl")
    kubectl = Path(on_path) if on_path else binaries.ready().kubectl
    with children.temporary_folder("llmkeys-access") as home:
        server = access.foreign(Path(variables["KUBECONFIG"]), kubectl, home)
        progress.note(f"using the API server at {server.url} (KUBECONFIG={server.kubeconfig})")
        yield server


def litellm() -> AbstractContextManager[proxy.Endpoint]:
    """The LiteLLM that runs already, else one of our own, which is a `Proxy` and can be stopped."""
    variables = given()
    if variables is None:
        return proxy.started()
    progress.note(f"using the LiteLLM at {variables['LITELLM_URL']}")
    return nullcontext(proxy.Endpoint(variables["LITELLM_URL"], variables["LITELLM_MASTER_KEY"]))


@contextmanager
def both() -> Generator[Servers]:
    """API server and LiteLLM, started at the same time."""
    with ExitStack() as stack:
        plane: list[controlplane.Access] = []
        endpoint: list[proxy.Endpoint] = []
        together(
            lambda: plane.append(stack.enter_context(control_plane())),
            lambda: endpoint.append(stack.enter_context(litellm())),
        )
        yield Servers(plane[0], endpoint[0])


@contextmanager
def own() -> Generator[tuple[controlplane.ControlPlane, proxy.Proxy]]:
    """API server and LiteLLM of one's own, whatever is in the environment, started at the same time."""
    with ExitStack() as stack:
        plane: list[controlplane.ControlPlane] = []
        endpoint: list[proxy.Proxy] = []
        together(
            lambda: plane.append(stack.enter_context(controlplane.started())),
            lambda: endpoint.append(stack.enter_context(proxy.started())),
        )
        yield plane[0], endpoint[0]


def prepare() -> None:
    """Builds and installs what is missing, so that everything afterwards is quick."""
    together(binaries.ready, install.ready)


def prepare_tests() -> None:
    """The same, with Helm, Prometheus and every release of LiteLLM that the tests run on."""
    together(binaries.ready, binaries.helm, binaries.prometheus, install.all_ready)


def together(*calls: Callable[[], object]) -> None:
    """Makes all calls at once and returns when the last has; raises the first error among them."""
    errors: list[BaseException] = []

    def guarded(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that asked
            errors.append(error)

    # Daemons: an interrupted process must not wait for a compiler, which the watchdog ends.
    threads = [threading.Thread(target=guarded, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def up() -> None:
    """Leaves both servers running in the background, and prints how to reach them."""
    if all(os.environ.get(name) for name in OWN):
        progress.note(f"{', '.join(OWN)} are set: those servers are used, none are started")
        return
    if background.found() is None:
        prepare()
    print(background.start(os.environ).exports())


def down() -> None:
    """Ends what `up` left running."""
    progress.note("the servers are down" if background.stop() else "no servers were up")


def status() -> None:
    """Says which servers are used and where they are cached."""
    variables = given()
    print("\n".join(f"{name}={value}" for name, value in variables.items()) if variables else "no servers are up")
    print(f"cache: {cache.root()}")


def hold() -> None:
    """What runs in the background: both servers, until it is told to end."""
    over = background.told_to_end()
    with both() as servers:
        background.declare(servers.control_plane.kubeconfig, servers.litellm.url, servers.litellm.master_key)
        over.wait()
        background.withdraw()


COMMANDS: Final = {"up": up, "down": down, "status": status, "prepare": prepare_tests, "hold": hold}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.servers", description="the servers of tests and demo")
    parser.add_argument("command", choices=COMMANDS)
    try:
        COMMANDS[parser.parse_args().command]()
    except children.ServerError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        progress.note("interrupted; the next run goes on from here")
        sys.exit(130)


if __name__ == "__main__":
    main()
