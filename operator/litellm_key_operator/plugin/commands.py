"""From what is asked to the command that does it, with the cluster that is meant."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.kubeconfig import connect
from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.plugin import find, revoke, rotate, tree, verify
from litellm_key_operator.plugin.commandline import PROG, Asked
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.reading import failure
from litellm_key_operator.plugin.screen import Screen

Command = Callable[[Asked, Client, str, Screen], Awaitable[Exit]]
"""Does what is asked in a cluster and a namespace. Raises Failure and OutsideError."""

_COMMANDS: Final[Mapping[str, Command]] = {
    "tree": tree.run,
    "rotate": rotate.run,
    "verify": verify.run,
    "find": find.run,
    "revoke": revoke.run,
}


def run(asked: Asked) -> Exit:
    """Do it; what went wrong is told on one line."""
    screen = Screen(machine=asked.output == "json")
    try:
        return asyncio.run(_run(asked, screen))
    except OutsideError as error:
        failed = failure(error)
    except Failure as error:
        failed = error
    screen.note(f"{PROG} {asked.command}: {failed}")
    return failed.exit_code


async def _run(asked: Asked, screen: Screen) -> Exit:
    client, namespace = await connect(asked.kubeconfig, asked.context)
    async with client:
        return await _COMMANDS[asked.command](asked, client, asked.namespace or namespace, screen)
