"""The program behind `kubectl llkey`."""

from __future__ import annotations

import io
import os
import sys
from typing import NoReturn

from litellm_key_operator.plugin.commandline import PROG, Asked, parse
from litellm_key_operator.plugin.exits import Exit


def main() -> NoReturn:
    """Do what is asked and end the process, with one of `exits.Exit`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no branches of a tree gets question marks, not an error.
            stream.reconfigure(errors="replace")
    sys.exit(_run(parse(sys.argv[1:])))


def _run(asked: Asked) -> Exit:
    # Only now: the help needs neither a client of Kubernetes nor one of LiteLLM.
    from litellm_key_operator.plugin import commands  # noqa: PLC0415

    try:
        code = commands.run(asked)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write(f"\n{PROG}: ended; what was asked for before stands\n")
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        return code
    return Exit.INTERRUPTED


if __name__ == "__main__":
    main()
