"""The program behind `kubectl llkey`."""

from __future__ import annotations

import sys
from typing import NoReturn

from litellm_key_operator.plugin.commandline import PROG, parse
from litellm_key_operator.plugin.exits import Exit


def main() -> NoReturn:
    """Do what is asked and end the process, with one of `exits.Exit`."""
    asked = parse(sys.argv[1:])
    # Only now: the help needs neither a client of Kubernetes nor one of LiteLLM.
    from litellm_key_operator.plugin import commands  # noqa: PLC0415

    try:
        code = commands.run(asked)
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{PROG}: ended; what was asked for before stands\n")
        code = Exit.INTERRUPTED
    sys.exit(code)


if __name__ == "__main__":
    main()
