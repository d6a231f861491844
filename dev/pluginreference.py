"""The reference page of `kubectl llkey`, from its parser, its exit codes and the shapes of its answers."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from litellm_key_operator.api.common import Model
from litellm_key_operator.plugin.commandline import COMMANDS, PROG, parser
from litellm_key_operator.plugin.exits import Exit
from litellm_key_operator.plugin.shapes import (
    FindingShape,
    RevocationsShape,
    RotationsShape,
    TreeShape,
    VerificationsShape,
)

_SHAPES: Final[Mapping[str, type[Model]]] = {
    "tree": TreeShape,
    "rotate": RotationsShape,
    "verify": VerificationsShape,
    "find": FindingShape,
    "revoke": RevocationsShape,
}
_INTRODUCTION: Final = f"""
A plugin of kubectl for those who run LiteLLM and for those who use its keys. It comes with the Python package, in the
environment of which kubectl finds it on the `PATH`. From the checkout:

```text
pip install '.[kubectl]'
{PROG} tree
```

`[kubectl]` brings rich, for colours on a terminal; without it, with `NO_COLOR` set and in a pipe everything is plain.

It works with your own rights at the API server, never with the operator's. What you may not read is said on stderr, and
the rest is shown. No command shows the value of a key, and none takes one as an argument, where the history of a shell
and the list of processes would show it.
"""
_NOTES: Final[Mapping[str, str]] = {
    "tree": """
Without `-A` it shows the Keys, Roles and Connections of one namespace, and above them those elsewhere that they refer
to. What a tenant may not read is in its place all the same, as far as the Keys' status tells.
""",
    "rotate": """
The old value goes on working for the role's `overlap`. Who has `renewal.policy: None` is rotated as well. Asked are all
Keys that were named before the first is waited for. Refused, before anything is written: Keys that have no value yet,
that have expired, are paused or being deleted.
""",
    "verify": """
LiteLLM is asked for `/v1/models` and `/key/info` with the very value, which costs nothing and is what a workload would
meet. It is asked straight: a proxy in the environment counts for the API server only. A key for models only
(`access.keyType: LLMAPI`, the default) may not ask about itself: then alias, team, user and end are those of the Key's
status, and `toldBy` says so. Sent is only a value that the Key knows or that looks like a key, and only from a Secret
that belongs to the Key.

The address in a Secret is often one that only Pods reach. From outside forward a port, in a second shell:

```text
kubectl port-forward -n llm-platform service/litellm 4000
kubectl llkey verify app --url http://127.0.0.1:4000
```
""",
    "find": """
Found are the values that a Key has: the current one, one that is about to take over, and one in its overlap.

```text
kubectl llkey find 3f1c0a9be2d4
kubectl llkey find < value.txt
kubectl llkey find                 # asks, and does not show what is typed
```
""",
    "revoke": """
The LiteLLMKey is deleted, with `deletionPolicy: Revoke` whatever it said before, and without the annotation
`llmkeys.io/skip-revocation`. It is gone only when every value that it had is deleted in LiteLLM, of which further
workers may hear up to a minute later if they share no Redis. What applied the Key, such as Argo CD or Flux, applies it
again, with a new value.
""",
}
_WHO: Final = """
With what the chart adds to `view` and `edit` a team has all of these in its namespace, but for those on
`litellmconnections`.
"""
_RIGHTS: Final = """
| command | rights, in the Keys' namespace |
|---|---|
| `tree` | `litellmkeys`: list. To see more than their names: `litellmroles`, `litellmconnections`: get, list |
| `rotate` | `litellmkeys`: get, patch |
| `verify` | `litellmkeys`: get; `secrets`: get |
| `find` | `litellmkeys`: list, in all namespaces if it is to look everywhere |
| `revoke` | `litellmkeys`: get, patch, delete |
"""
_JSON: Final = """Fields may be added; none is renamed, removed or given another meaning. A command that fails as a
whole prints nothing on stdout."""
_TYPES: Final = {"integer": "integer", "number": "number", "boolean": "true or false", "string": "string"}


def page(header: str) -> str:
    """The page as text."""
    text = [header, f"# {PROG}", _INTRODUCTION]
    for name, (summary, fill) in COMMANDS.items():
        command = argparse.ArgumentParser(add_help=False)
        fill(command)
        positional = [a for a in _actions(command) if not a.option_strings]
        usage = " ".join([PROG, name, *(_usage(action) for action in positional), "[flags]"])
        text += [f"## {name}\n", f"{summary}\n", f"```text\n{usage}\n```\n", *_flags(command), _NOTES[name]]
    text += ["## Flags of every command\n", "They may stand before the command or behind it.\n"]
    text += [*_flags(parser()), "\n## Exit codes\n", "Of several Keys in one command the highest counts.\n"]
    text += ["| code | |", "|---|---|", *(f"| {code.value} | {code.meaning} |" for code in Exit)]
    text += ["\n## Rights" + _WHO + _RIGHTS]
    text += ["## JSON\n", _JSON, *_shapes()]
    return "\n".join(text) + "\n"


def _actions(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """Everything that it takes; the library keeps the list to itself."""
    return cast("list[argparse.Action]", vars(command)["_actions"])


def _usage(action: argparse.Action) -> str:
    shown = str(action.metavar)
    return f"{shown}..." if action.nargs == "+" else f"[{shown}]"


def _flags(command: argparse.ArgumentParser) -> Iterator[str]:
    yield "| flag | |"
    yield "|---|---|"
    for action in _actions(command):
        if action.dest != "command":
            yield f"| {_name(action)} | {action.help} |"


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar}`"
    value = ""
    if action.nargs != 0:
        value = f" {action.metavar or '|'.join(action.choices or [action.dest.upper()])}"
    names = [f"`{name}{value if name.startswith('--') else ''}`" for name in action.option_strings]
    return ", ".join(names).replace("|", "\\|")


def _shapes() -> Iterator[str]:
    definitions: dict[str, Any] = {}
    for name, shape in _SHAPES.items():
        schema = shape.model_json_schema(by_alias=True, mode="serialization")
        definitions |= schema.pop("$defs", {})
        yield f"\n### Of {name}\n"
        yield from _fields(schema)
    for title, schema in sorted(definitions.items()):
        if "properties" in schema:
            yield f"\n### {_title(title)}\n"
            yield from _fields(schema, definitions)


def _fields(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> Iterator[str]:
    yield "| field | type | |"
    yield "|---|---|---|"
    for name, field in schema["properties"].items():
        about = " ".join(str(field.get("description", "")).split())
        yield f"| `{name}` | {_type(field, definitions or {})} | {about} |"


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(_type(option, definitions) for option in field["anyOf"])
    if "$ref" in field:
        title = field["$ref"].rpartition("/")[2]
        choices = definitions.get(title, {}).get("enum")
        return (
            " or ".join(f"`{choice}`" for choice in choices)
            if choices
            else f"[{_title(title)}](#{_title(title).lower()})"
        )
    if field.get("type") == "array":
        return f"list of {_type(field['items'], definitions)}"
    return "null" if field.get("type") == "null" else _TYPES[field["type"]]


def _title(name: str) -> str:
    return name.removesuffix("Shape")
