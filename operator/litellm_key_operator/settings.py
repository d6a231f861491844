"""What can be set: each setting is a flag of `litellm-key-operator run` and a variable `LLMKEYS_<NAME>`; flags win."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, cast

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSubCommand,
    NoDecode,
    SettingsConfigDict,
    SettingsError,
    get_subcommand,
)

PROGRAM: Final = "litellm-key-operator"
VARIABLE_PREFIX: Final = "LLMKEYS_"

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CLUSTER: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_OWN_NAMESPACE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_HIGHEST_PORT: Final = 65535


class BadSettingError(Exception):
    """A setting cannot be used; the message says on one line which, what was given, and what may be."""


@dataclass(frozen=True, slots=True)
class Span:
    """Reads a time, `15s`, `500ms`, `2m`, `1h` or a number of seconds, into seconds within limits."""

    shortest: str
    longest: str

    def __call__(self, value: object) -> float:
        """The seconds that were meant; raises ValueError with the limits."""
        text = str(value).strip()
        if not _SPAN.fullmatch(text) or not seconds(self.shortest) <= seconds(text) <= seconds(self.longest):
            raise ValueError(f"must be a time from {self.shortest} to {self.longest}, such as 15s or 500ms")
        return seconds(text)


@dataclass(frozen=True, slots=True)
class Whole:
    """Reads a whole number within limits."""

    least: int
    most: int

    def __call__(self, value: object) -> int:
        """The number that was meant; raises ValueError with the limits."""
        text = str(value).strip()
        if not text.isascii() or not text.isdigit() or not self.least <= int(text) <= self.most:
            raise ValueError(f"must be a whole number from {self.least} to {self.most}")
        return int(text)


def seconds(text: str) -> float:
    """A time with a unit, or a bare number of seconds, as seconds."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time: {text}")
    number, unit = match.groups()
    return float(number) * _UNITS[unit or "s"]


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    host, _, port = str(value).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise ValueError("must be <host>:<port> with a port from 0 (any free one) to 65535, such as 0.0.0.0:8080")
    return Address(host.strip("[]"), int(port))


def _namespaces(value: object) -> list[str]:
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    names = [part.strip() for text in given for part in str(text).split(",")]
    return [_namespace(name) for name in names if name]


def _namespace(value: object) -> str:
    if not _LABEL.fullmatch(str(value)):
        raise ValueError("must be the name of a namespace: at most 63 of a-z, 0-9 and -")
    return str(value)


def _secret_name(value: object) -> str:
    if not _SUBDOMAIN.fullmatch(str(value)):
        raise ValueError("must be the name of a Secret: at most 253 of a-z, 0-9, - and .")
    return str(value)


def _cluster_name(value: object) -> str:
    if not _CLUSTER.fullmatch(str(value)):
        raise ValueError("must be 1 to 63 of letters, digits, -, _ and .")
    return str(value)


def _own_namespace() -> str:
    try:
        return _OWN_NAMESPACE.read_text().strip() or "default"
    except OSError:
        return "default"


class Run(BaseSettings):
    """Run the operator. Every flag is also a variable: --lease-duration is LLMKEYS_LEASE_DURATION.

    Times are written 500ms, 15s, 2m, 1h or as a number of seconds.
    """

    model_config = SettingsConfigDict(
        env_prefix=VARIABLE_PREFIX, cli_kebab_case=True, cli_implicit_flags=False, use_attribute_docstrings=True
    )

    namespaces: Annotated[list[str], NoDecode, BeforeValidator(_namespaces)] = []
    """Namespaces to look after, separated by commas; all if empty."""
    operator_namespace: Annotated[str, BeforeValidator(_namespace)] = Field(default_factory=_own_namespace)
    """Where the seed Secret and the Lease are; its own namespace, outside of a cluster `default`."""
    seed_secret: Annotated[str, BeforeValidator(_secret_name)] = "litellm-key-operator-seed"  # noqa: S105 - a name
    """Secret with the installation's id and seeds; made if it does not exist."""
    http_address: Annotated[Address, NoDecode, BeforeValidator(_address)] = Address("0.0.0.0", 8080)  # noqa: S104 - probes and Prometheus come from outside
    """Where /healthz, /readyz and /metrics are served."""
    leader_election: bool = True
    """Work only while holding the Lease; without it only one process may run."""
    lease_duration: Annotated[float, BeforeValidator(Span("2s", "5m"))] = 15.0
    """How long a Lease is valid, 2s to 5m: so long after a crash another process takes over."""
    cluster_name: Annotated[str, BeforeValidator(_cluster_name)] = "default"
    """What `{{ cluster }}` stands for in aliases."""
    workers: Annotated[int, BeforeValidator(Whole(1, 256))] = 32
    """How many resources are worked on at the same time, 1 to 256."""
    retry_min: Annotated[float, BeforeValidator(Span("10ms", "1m"))] = 0.5
    """Pause before the first retry of a resource, 10ms to 1m; doubled each time."""
    retry_max: Annotated[float, BeforeValidator(Span("100ms", "1h"))] = 300.0
    """Longest pause between retries, 100ms to 1h."""
    reload_interval: Annotated[float, BeforeValidator(Span("100ms", "10m"))] = 30.0
    """How often credentials and CAs, and labels of `--namespaces`, are read again, 100ms to 10m."""
    walk_interval: Annotated[float, BeforeValidator(Span("1s", "24h"))] = 3600.0
    """How often all keys of a proxy are walked over for what was left behind, 1s to 24h."""
    request_timeout: Annotated[float, BeforeValidator(Span("500ms", "1m"))] = 10.0
    """Longest time for one request to the Kubernetes API, 500ms to 1m."""
    log_format: Literal["json", "console"] = "json"
    """json: one object per line; console: for people."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged: debug, info, warning or error."""

    @model_validator(mode="after")
    def _ordered(self) -> Run:
        if self.retry_min > self.retry_max:
            raise ValueError(
                f"--retry-min ({VARIABLE_PREFIX}RETRY_MIN): {self.retry_min:g}s is longer than "
                f"--retry-max ({VARIABLE_PREFIX}RETRY_MAX), which is {self.retry_max:g}s"
            )
        return self


class Crds(BaseSettings):
    """Print the CustomResourceDefinitions as YAML, for `kubectl apply -f -`."""


class CommandLine(BaseSettings):
    """Hands out LiteLLM virtual keys as Kubernetes Secrets, keeps their TTL and revokes them."""

    model_config = SettingsConfigDict(cli_prog_name=PROGRAM, cli_kebab_case=True, cli_implicit_flags=False)

    run: CliSubCommand[Run]
    crds: CliSubCommand[Crds]


def parse(arguments: list[str]) -> Run | Crds:
    """The command asked for, with its settings; raises BadSettingError.

    `--help` and a flag that does not exist end the process, as argparse does.
    """
    try:
        command = get_subcommand(CliApp.run(CommandLine, cli_args=arguments), cli_exit_on_error=False)
    except ValidationError as error:
        raise BadSettingError("; ".join(_explain(detail) for detail in error.errors())) from None
    except SettingsError as error:
        raise BadSettingError(f"{error}; see {PROGRAM} --help") from None
    if not isinstance(command, Run | Crds):
        raise BadSettingError(f"a command is needed; see {PROGRAM} --help")
    return command


def _explain(detail: ErrorDetails) -> str:
    """One problem: the flag, its variable, what was given and what may be."""
    fields = [part for part in detail["loc"] if isinstance(part, str) and part in Run.model_fields]
    said = str(detail.get("ctx", {}).get("error", detail["msg"]))
    if not fields:
        return said
    name = fields[0]
    flag, variable = "--" + name.replace("_", "-"), VARIABLE_PREFIX + name.upper()
    return f"{flag} ({variable}): {str(detail['input'])!r} cannot be used: {_limit(detail, said)}"


def _limit(detail: ErrorDetails, said: str) -> str:
    """What may be given, in words; pydantic names only the limit that was passed."""
    match detail["type"]:
        case "bool_parsing":
            return "must be true or false"
        case "literal_error":
            return f"must be {detail.get('ctx', {}).get('expected', said)}"
        case _:
            return said
