"""JSON schema, as pydantic writes it, to structural schema, as the API server wants it."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, cast

from pydantic import BaseModel

from litellm_key_operator.api.rules import PRESERVE, VALIDATIONS

Node: TypeAlias = dict[str, Any]
"""One node of a schema."""

_KEPT: Final[tuple[str, ...]] = (
    "description",
    "type",
    "format",
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "required",
)
"""What both kinds of schema have, in the order in which it is easy to read."""

_DROPPED: Final = frozenset({"title", "$defs"})
_EXTENSION: Final = "x-kubernetes-"
_NESTED: Final = frozenset({"properties", "items", "additionalProperties", "default"})


def structural(model: type[BaseModel]) -> Node:
    """Answer the structural schema of a model; `ValueError` names what has no structural form."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _node(schema, schema.get("$defs", {}), model.__name__)


def _node(given: Node, definitions: Mapping[str, Node], path: str) -> Node:
    node = _flat(given, definitions, path)
    for keyword in node:
        if keyword not in {*_KEPT, *_DROPPED, *_NESTED} and not keyword.startswith(_EXTENSION):
            raise ValueError(f"{path}: no structural form for {keyword}")
    out: Node = {keyword: node[keyword] for keyword in _KEPT if keyword in node}
    out |= {keyword: value for keyword, value in node.items() if keyword.startswith(_EXTENSION)}
    if "description" in out:
        out["description"] = " ".join(out["description"].split())
    if out.get("type") == "integer":
        out["format"] = "int64"
    if default := _significant(node.get("default")):
        out["default"] = default
    return out | _children(node, definitions, path)


def _significant(default: Any) -> Any:
    """Answer the default that the API server should write into objects, empty if none.

    None, False and an empty list are what absence means anyway. The default of a part is spelled out: rules are held
    against it before the defaults inside of it are there.
    """
    if isinstance(default, dict):
        parts = {name: _significant(value) for name, value in cast("Node", default).items()}
        return {name: value for name, value in parts.items() if value}
    return default


def _children(node: Node, definitions: Mapping[str, Node], path: str) -> Node:
    out: Node = {}
    if "properties" in node:
        out["properties"] = {
            name: _node(child, definitions, f"{path}.{name}") for name, child in node["properties"].items()
        }
    if "items" in node:
        out["items"] = _node(node["items"], definitions, f"{path}[]")
    match node.get("additionalProperties"):
        case None | False:
            pass
        case True:
            out[PRESERVE] = True
        case child:
            out["additionalProperties"] = _node(child, definitions, f"{path}.*")
    return out


def _flat(node: Node, definitions: Mapping[str, Node], path: str) -> Node:
    """Answer the node with its reference followed and its `or null` dropped: what an object lacks is just absent."""
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        return _flat(_joined(target, {k: v for k, v in node.items() if k != "$ref"}), definitions, path)
    if "anyOf" in node:
        choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        if len(choices) != 1:
            raise ValueError(f"{path}: a union has no structural form")
        return _flat(_joined(choices[0], {k: v for k, v in node.items() if k != "anyOf"}), definitions, path)
    return node


def _joined(inner: Node, outer: Node) -> Node:
    """Answer both nodes as one: what is said where a type is used beats what the type says, rules add up."""
    joined = inner | outer
    rules = [*inner.get(VALIDATIONS, []), *outer.get(VALIDATIONS, [])]
    return joined | {VALIDATIONS: rules} if rules else joined
