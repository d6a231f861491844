"""What can be asked on the command line. Light: the help must not wait for a client of Kubernetes to be imported."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, NoReturn

from typing_extensions import override

from litellm_key_operator.api.names import ANNOTATION_ROTATE, KEY, PROGRAM
from litellm_key_operator.plugin.exits import Exit

PROG: Final = "kubectl llkey"
_TYPES: Final = frozenset({KEY.singular, KEY.plural, KEY.short})
_HASH: Final = re.compile(r"[0-9a-f]{8,64}")
_SECRET_LIKE: Final = re.compile(r"sk-[^\s'\"]+")
_TIMEOUT: Final = 60.0
_SHORTEST, _LONGEST = "1s", "1h"


@dataclass(frozen=True, slots=True)
class Asked:
    """One command with all that belongs to it; `names` are of Keys, `token` is a token id or the beginning of one."""

    command: str
    namespace: str | None = None
    all_namespaces: bool = False
    context: str | None = None
    kubeconfig: str | None = None
    output: str = "text"
    names: tuple[str, ...] = ()
    wait: bool = False
    timeout: float = _TIMEOUT
    url: str | None = None
    ca_file: str | None = None
    token: str | None = None
    yes: bool = False


class _Parser(argparse.ArgumentParser):
    """Refuses on one line, which quotes nothing that looks like a key."""

    @override
    def error(self, message: str) -> NoReturn:
        shown = _SECRET_LIKE.sub("sk-[redacted]", message)
        sys.stderr.write(f"{PROG}: {shown}; see {self.prog} --help\n")
        sys.exit(Exit.USAGE)


def parse(arguments: Sequence[str]) -> Asked:
    """What is asked. `--help`, `--version` and what cannot be understood end the process, as argparse does."""
    program = parser()
    given = vars(program.parse_args(arguments))
    if given.pop("command_parser", None) is None:
        program.error("a command is needed: " + ", ".join(COMMANDS))
    if given.get("all_namespaces") and given.get("namespace"):
        program.error("-A and -n exclude each other")
    given["names"] = tuple(dict.fromkeys(given.get("names", ())))
    return Asked(**given)


def parser() -> argparse.ArgumentParser:
    """The parser, of which the reference is made as well."""
    program = _Parser(
        prog=PROG,
        description="LiteLLM keys: who has which, do they work, and until when. No command ever shows a key's value.",
        epilog="Exit codes: " + "; ".join(f"{code.value} {code.name.lower()}" for code in Exit) + ".",
        parents=[_access()],
    )
    program.add_argument("--version", action="version", version=f"{PROG} {version(PROGRAM)}")
    commands = program.add_subparsers(metavar="COMMAND", dest="command")
    for name, (summary, fill) in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=summary, parents=[_access(argparse.SUPPRESS)], allow_abbrev=False
        )
        command.set_defaults(command_parser=name)
        fill(command)
    return program


def _access(default: object = None) -> _Parser:
    """The flags of every command; they may stand before it and behind it."""
    flags = _Parser(add_help=False)
    group = flags.add_argument_group("where")
    group.add_argument(
        "-n", "--namespace", type=_namespace, default=default, help="the namespace; default: the context's"
    )
    group.add_argument("--context", default=default, help="the context of the kubeconfig; default: the current one")
    group.add_argument(
        "--kubeconfig", metavar="FILE", default=default, help="default: KUBECONFIG, else ~/.kube/config, else as a Pod"
    )
    flags.add_argument(
        "-o",
        "--output",
        choices=("text", "json"),
        default=default or "text",
        help="text for people, json for scripts; default: text",
    )
    return flags


def _tree(command: argparse.ArgumentParser) -> None:
    _everywhere(command, "all namespaces")


def _rotate(command: argparse.ArgumentParser) -> None:
    _names(command)
    command.add_argument("--wait", action="store_true", help="wait until the Secret holds the new value")
    _timeout(command)


def _verify(command: argparse.ArgumentParser) -> None:
    _names(command)
    command.add_argument(
        "--url",
        type=_url,
        help="ask LiteLLM here, as by a port-forward; default: the address in the Secret, else the Connection's",
    )
    command.add_argument(
        "--ca-file", metavar="FILE", help="trust these certificates, in PEM, and no others; default: the system's"
    )


def _find(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "token",
        metavar="HASH",
        nargs="?",
        type=_token,
        help="the sha256 of the value, as LiteLLM calls it, or its first 8 digits or more; a value itself is only read "
        "from stdin, where it is without HASH",
    )
    _everywhere(command, "all namespaces or nothing; default: all, or the context's if you may not look into all")


def _revoke(command: argparse.ArgumentParser) -> None:
    _names(command)
    command.add_argument("--yes", action="store_true", help="do not ask; needed where nobody can answer")
    command.add_argument("--no-wait", dest="wait", action="store_false", help="do not wait until it is gone")
    command.set_defaults(wait=True)
    _timeout(command)


COMMANDS: Final = {
    "tree": ("Connections, their Roles and the Keys of these, with state, expiry and next renewal.", _tree),
    "rotate": (f"Ask for new values of keys now, by the annotation {ANNOTATION_ROTATE}.", _rotate),
    "verify": ("Ask LiteLLM whether the keys in the Secrets work, as whom, and until when.", _verify),
    "find": ("Whose is this key? Give its hash as an argument, or its value on stdin.", _find),
    "revoke": ("End keys now, by deleting their resources; asks first, waits until nothing of them works.", _revoke),
}
"""What there is to ask for, with a sentence, in the order of the help."""


def _everywhere(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("-A", "--all-namespaces", action="store_true", help=text)


def _names(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "names", metavar="NAME", nargs="+", type=_name, help="a LiteLLMKey; llkey/NAME, as -o name prints it, does too"
    )


def _timeout(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeout",
        metavar="TIME",
        type=_seconds,
        default=_TIMEOUT,
        help=f"how long to wait for each, {_SHORTEST} to {_LONGEST}; default: {_TIMEOUT:g}s",
    )


def _name(text: str) -> str:
    kind, slash, name = text.rpartition("/")
    if slash and kind.partition(".")[0].lower() not in _TYPES:
        raise argparse.ArgumentTypeError(f"{text!r} is not a {KEY.kind}: the type before / may be {KEY.short}")
    from litellm_key_operator.api.rules import DNS_SUBDOMAIN  # noqa: PLC0415 - pydantic takes longer than a whole help

    if not re.fullmatch(DNS_SUBDOMAIN, name) or len(name) > 63:  # noqa: PLR2004 - as the API server holds a Key's name
        raise argparse.ArgumentTypeError(f"{name!r} is no name of a {KEY.kind}: at most 63 of a-z, 0-9, - and .")
    return name


def _namespace(text: str) -> str:
    from litellm_key_operator.api.rules import DNS_LABEL  # noqa: PLC0415 - as above

    if not re.fullmatch(DNS_LABEL, text) or len(text) > 63:  # noqa: PLR2004 - the longest label of DNS
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a namespace: at most 63 of a-z, 0-9 and -")
    return text


def _token(text: str) -> str | None:
    if text == "-":
        return None
    token = text.lower().removeprefix("sha256:")
    if not _HASH.fullmatch(token):
        # Not quoted: it may be a key.
        raise argparse.ArgumentTypeError(
            "must be 8 to 64 hex digits; a key's value is never an argument, where history and process lists show it: "
            "give it on stdin, and have it rotated if it was given here"
        )
    return token


def _url(text: str) -> str:
    from litellm_key_operator.api.rules import ADDRESS  # noqa: PLC0415 - as above

    if not re.fullmatch(ADDRESS, text):
        raise argparse.ArgumentTypeError("must be http:// or https:// and a host, without user information and query")
    return text


def _seconds(text: str) -> float:
    from litellm_key_operator.settings import Span  # noqa: PLC0415 - as above

    try:
        return Span(_SHORTEST, _LONGEST)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be used: {error}") from None
