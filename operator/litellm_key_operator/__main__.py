"""`litellm-key-operator run` and `litellm-key-operator crds`."""

from __future__ import annotations

import asyncio
import sys
from typing import NoReturn

from litellm_key_operator import logs
from litellm_key_operator.api import crd
from litellm_key_operator.entry import wiring
from litellm_key_operator.settings import PROGRAM, BadSettingError, Run, parse

_USAGE_ERROR = 2


def main() -> NoReturn:
    """Run the command asked for and end the process: 0 when done, 1 when it failed, 2 when it was asked wrongly."""
    try:
        command = parse(sys.argv[1:])
    except BadSettingError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        sys.exit(_USAGE_ERROR)
    if not isinstance(command, Run):
        sys.stdout.write(crd.text())
        sys.exit(0)
    logs.configure(command.log_format, command.log_level)
    sys.exit(asyncio.run(wiring.run(command)))


if __name__ == "__main__":
    main()
