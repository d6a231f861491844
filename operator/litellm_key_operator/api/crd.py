"""The three CustomResourceDefinitions, generated from the models; `python -m litellm_key_operator.api.crd --help`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from litellm_key_operator.api.common import NOT_SEEN, Resource
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import CATEGORY, CONNECTION, GROUP, KEY, ROLE, VERSION, Kind
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.api.rules import checked
from litellm_key_operator.api.schema import Node, structural

_HEADER: Final = "# Generated from litellm_key_operator/api by `make generate`; do not edit.\n"
_FOLDER: Final = Path("deploy/crds")

_READY: Final = '.status.conditions[?(@.type=="Ready")].'
_STANDARD: Final[Node] = {
    "apiVersion": {"type": "string", "description": "Version of this representation of the object."},
    "kind": {"type": "string", "description": "Kind of the object."},
    "metadata": {"type": "object"},
}

# kubectl prints a column of type date as the time since then: no use for what lies ahead, so Expires is a string.
_COLUMNS: Final[Mapping[Kind, Sequence[tuple[str, str, str, int]]]] = {
    CONNECTION: (
        ("Ready", "string", f"{_READY}status", 0),
        ("URL", "string", ".spec.url", 0),
        ("Version", "string", ".status.version", 0),
        ("Keys", "integer", ".status.keys", 0),
        ("Reason", "string", f"{_READY}reason", 1),
        ("Last Sweep", "date", ".status.lastSweepTime", 1),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ),
    ROLE: (
        ("Ready", "string", f"{_READY}status", 0),
        ("Connection", "string", ".spec.connectionRef.name", 0),
        ("TTL", "string", ".spec.ttl", 0),
        ("Keys", "integer", ".status.keys", 0),
        ("Reason", "string", f"{_READY}reason", 1),
        ("Models", "string", ".spec.models", 1),
        ("Budget", "number", ".spec.budget.max", 1),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ),
    KEY: (
        ("Ready", "string", f"{_READY}status", 0),
        ("Role", "string", ".spec.roleRef.name", 0),
        ("Secret", "string", ".status.binding.name", 0),
        ("Expires", "string", ".status.expiresAt", 0),
        ("Reason", "string", f"{_READY}reason", 1),
        ("Alias", "string", ".status.keyAlias", 1),
        ("Revision", "integer", ".status.revision", 1),
        ("Renew", "string", ".status.renewAt", 1),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ),
}
_SELECTABLE: Final[Mapping[Kind, Sequence[str]]] = {
    CONNECTION: (),
    ROLE: (".spec.connectionRef.name",),
    KEY: (".spec.roleRef.name", ".spec.secret.name"),
}
# A Key's name becomes a label of its Secret, and label values end there.
_ROOT_RULES: Final[Mapping[Kind, Node]] = {
    CONNECTION: {},
    ROLE: {},
    KEY: checked(("size(self.metadata.name) <= 63", "metadata.name must have at most 63 characters")),
}
_MODELS: Final[Mapping[Kind, type[Resource]]] = {CONNECTION: LiteLLMConnection, ROLE: LiteLLMRole, KEY: LiteLLMKey}


def crd(kind: Kind) -> dict[str, Any]:
    """Answer the CustomResourceDefinition of one kind, as a manifest."""
    selectable = [{"jsonPath": path} for path in _SELECTABLE[kind]]
    version: Node = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": name, "type": column_type, "jsonPath": path} | ({"priority": priority} if priority else {})
            for name, column_type, path, priority in _COLUMNS[kind]
        ],
        **({"selectableFields": selectable} if selectable else {}),
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": [kind.short],
                "categories": [CATEGORY],
            },
            "versions": [version],
        },
    }


def files() -> dict[str, str]:
    """Answer the generated files, as text by name."""
    return {
        f"{kind.plural}.yaml": _HEADER + yaml.dump(crd(kind), sort_keys=False, width=120, allow_unicode=True)
        for kind in _MODELS
    }


def text() -> str:
    """Answer all three definitions as one YAML stream."""
    return "---\n".join(files().values())


def differences(folder: Path) -> list[str]:
    """Answer the names of the generated files that are missing in `folder` or say something else there."""
    return [
        name
        for name, wanted in files().items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != wanted
    ]


def write(folder: Path) -> None:
    """Write the generated files to `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, wanted in files().items():
        (folder / name).write_text(wanted, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print, write or check the generated files; answer the exit code."""
    parser = argparse.ArgumentParser(prog="python -m litellm_key_operator.api.crd", description="Generate the CRDs.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--write", type=Path, nargs="?", const=_FOLDER, metavar="FOLDER", help=f"default: {_FOLDER}")
    choice.add_argument("--check", type=Path, nargs="?", const=_FOLDER, metavar="FOLDER", help=f"default: {_FOLDER}")
    chosen = parser.parse_args(arguments)
    if chosen.write:
        write(chosen.write)
    elif chosen.check:
        if stale := differences(chosen.check):
            sys.stderr.write(f"{chosen.check}: {', '.join(stale)} not as generated from the models; `make generate`\n")
            return 1
    else:
        sys.stdout.write(text())
    return 0


def _root(kind: Kind) -> Node:
    model = structural(_MODELS[kind])
    model["properties"]["status"]["default"] = {"observedGeneration": NOT_SEEN}
    return {
        "type": "object",
        "description": model["description"],
        "required": ["spec"],
        "properties": _STANDARD | {name: model["properties"][name] for name in ("spec", "status")},
        **_ROOT_RULES[kind],
    }


if __name__ == "__main__":
    sys.exit(main())
