"""`python -m dev.demo [down]`: tells the story, or ends what a kept demo left running.

KEEP=1 leaves servers and operator up. CLUSTER=mine uses the servers that KUBECONFIG, LITELLM_URL and LITELLM_MASTER_KEY
name, or those of `python -m dev.servers up`; without it the demo starts its own, whatever is in the environment.
"""

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from dev import background, children, progress, servers
from dev.demo import screen, stage
from dev.demo.story import Story, StoryError

NEGATIVE: Final = ("", "0", "no", "false")
MINE: Final = "mine"


def tell() -> None:
    """The story, on the stage that was asked for."""
    keep = os.environ.get("KEEP", "").lower() not in NEGATIVE
    with chosen(keep=keep)() as where:
        try:
            Story(where).tell()
        except (StoryError, children.ServerError) as error:
            stays = "\nall of it stays up for a look; `make demo-down` ends it" if keep else ""
            log = f"the operator's log ends\n{children.tail(where.log)}"
            raise children.ServerError(f"{error}; {log}{stays}") from error
        screen.chapter("That was it. Where to go next")
        screen.say("  docs/guides/       to go on with: rotation, deletion, tenants; `make docs-serve` shows all pages")
        screen.say("  examples/          claims, roles and Secrets in other forms")
        screen.say("  README.md          what is guaranteed, and how to run the operator on your own cluster")
        screen.say("  kubectl explain litellmrole.spec   the reference, once deploy/crds is applied")
        if keep:
            _how_to_go_on(where)
        else:
            screen.say("  make demo KEEP=1   the same, and everything stays up to play with")


def chosen(*, keep: bool) -> Callable[[], AbstractContextManager[stage.Stage]]:
    """The stage that the environment asks for; raises `ServerError` where it contradicts itself."""
    cluster = os.environ.get("CLUSTER", "")
    if cluster not in ("", MINE):
        raise children.ServerError(f"CLUSTER={cluster} means nothing; {MINE}, or nothing at all, does")
    if cluster == MINE:
        if keep:
            raise children.ServerError(f"KEEP=1 leaves the demo's own servers up; CLUSTER={MINE} has none of those")
        if servers.given() is None:
            raise children.ServerError(f"CLUSTER={MINE} needs {', '.join(servers.OWN)}, or `make servers-up`")
        return stage.theirs
    if os.environ.get("KUBECONFIG"):
        progress.note(f"KUBECONFIG is set and left alone: the demo starts its own servers (CLUSTER={MINE} uses yours)")
    return stage.kept if keep else stage.own


def _how_to_go_on(where: stage.Stage) -> None:
    screen.chapter("Servers and operator stay up. Paste this, then go on with kubectl:")
    running = background.found(stage.KEPT)
    if running is not None:
        screen.copyable(*running.exports().splitlines())
    if shutil.which("kubectl") is None:
        screen.copyable(f"alias kubectl={shlex.quote(str(where.cluster.kubectl_program))}")
    screen.say("")
    screen.say(f"  {where.log} is the operator's log")
    screen.say("  make demo KEEP=1 tells the story again; make demo-down ends all of it")


COMMANDS: Final = {"tell": tell, "down": stage.down, "hold": stage.hold}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.demo", description=__doc__)
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="tell")
    try:
        COMMANDS[parser.parse_args().command]()
    except (children.ServerError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        progress.note("interrupted; nothing is left running")
        sys.exit(130)


if __name__ == "__main__":
    main()
