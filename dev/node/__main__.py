"""`python -m dev.node run COMMAND...`: runs a command on a node that lives as long as it does.

The command finds kubectl, `KUBECONFIG` and the operator's image there; `bash` is one. `python -m dev.node test` runs
the tests, and `prepare` only builds and installs. `--if-possible` before these words leaves it out where no node can
run, with a line that says why.
"""

import argparse
import subprocess
import sys

from dev import children, progress, servers
from dev.controlplane import binaries
from dev.node import images, packages
from dev.node.node import ROOT, started
from dev.node.obstacles import obstacle


def prepare() -> images.Store:
    """Builds and installs what is missing: inside of a node nothing can be fetched any more."""
    packages.install()
    servers.together(servers.prepare, binaries.node)
    return images.ready()


def run(command: list[str]) -> int:
    """The exit code of a command that ran on a node of its own, which has the operator's image."""
    store = prepare()
    with children.temporary_folder("llmkeys-images") as folder:
        store.save(images.PAUSE, folder)
        store.operator(images.TAG, folder=folder)
        with started(sorted(folder.iterdir())) as node:
            return subprocess.run(node.entering(*command), env=node.environment(), check=False).returncode


def test(arguments: list[str]) -> int:
    """The exit code of the tests: those that look at this machine from outside of a node, then those on one."""
    prepare()
    pytest = [sys.executable, "-m", "pytest", *arguments]
    failed = subprocess.run([*pytest, "tests/machine"], cwd=ROOT, check=False).returncode
    return run([*pytest, "tests/node"]) or failed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.node", description="a Kubernetes node on this machine")
    parser.add_argument("what", choices=("run", "test", "prepare"))
    parser.add_argument("--if-possible", action="store_true", help="do nothing, but say so, where no node can run")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="of the command to run, or pytest's arguments")
    asked = parser.parse_args()
    reason = obstacle()
    if reason and asked.if_possible:
        progress.note(f"left out on this machine: {asked.what} on a node, for {reason}")
        return
    if reason:
        sys.exit(f"error: {reason}")
    try:
        match asked.what:
            case "run":
                sys.exit(run(asked.words or ["bash"]))
            case "test":
                sys.exit(test(asked.words))
            case _:
                prepare()
    except children.ServerError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        progress.note("interrupted; the next run goes on from here")
        sys.exit(130)


if __name__ == "__main__":
    main()
