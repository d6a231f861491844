"""Valid specs of the three kinds, drawn at random: derived from the generated schema, so that no field is forgotten."""

from collections.abc import Callable, Mapping
from itertools import zip_longest
from typing import Any, Final, TypeAlias, cast

from hypothesis import strategies as st

from litellm_key_operator.api.crd import crd
from litellm_key_operator.api.names import CONNECTION, KEY, ROLE, Kind
from litellm_key_operator.api.rules import LIST_TYPE, PRESERVE

Json: TypeAlias = dict[str, Any]
Strategy: TypeAlias = st.SearchStrategy[Any]

_FEW: Final = 3
_ENTRIES: Final = st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,20}\Z", fullmatch=True)
_LABELS: Final = st.from_regex(r"(example[.]com/)?[A-Za-z]([-._a-z0-9]{0,20}[a-z0-9])?\Z", fullmatch=True)
# Loads the code that this needs, which pytest compiles in a fresh checkout, and CPython 3.11 may fail at in two threads
# at once (SystemError: AST constructor recursion depth mismatch): now, while there is but one.
_LABELS.validate()
_TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=20)
_FREE: Final = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | _TEXTS,
    lambda inner: st.lists(inner, max_size=_FEW) | st.dictionaries(_TEXTS, inner, max_size=_FEW),
    max_leaves=6,
)


def _durations(low: int, high: int) -> Strategy:
    """Durations of whole units between two numbers of seconds."""
    return st.sampled_from([("s", 1), ("m", 60), ("h", 3600), ("d", 86400), ("w", 604800)]).flatmap(
        lambda unit: (
            st.integers(-(-low // unit[1]), min(high // unit[1], 999999)).map(lambda n: f"{n}{unit[0]}")
            if -(-low // unit[1]) <= high // unit[1]
            else st.just(f"{low}s")
        )
    )


_TTLS: Final = _durations(1, 3650 * 86400)
_ALIAS_PARTS: Final = st.sampled_from(["{{ namespace }}", "{{cluster}}", "{ }", "a.b", "Ünï", "@", "x{"])
_KEYS: Final[Mapping[str, Strategy]] = {
    "data": _ENTRIES,
    "matchLabels": _LABELS,
    "labels": _LABELS,
    "annotations": _LABELS,
}
_FIELDS: Final[Mapping[str, Strategy]] = {
    "spec.timeout": _durations(1, 25),
    "spec.sweepInterval": _durations(10, 3650 * 86400),
    "spec.ttl": _TTLS | st.just("Never"),
    "spec.maxTTL": _TTLS,
    "spec.renewal.before": _TTLS,
    "spec.renewal.overlap": _TTLS,
    "spec.ttlAfterExpired": _TTLS,
    "spec.budget.period": st.sampled_from(["1h", "24h", "1d", "30d", "3650d", "4w", "521w", "1mo"]),
    "spec.aliasTemplate": st.lists(_ALIAS_PARTS, max_size=_FEW).map(lambda parts: "/".join([*parts, "{{ name }}"])),
}


_SCALARS: Final[Mapping[str, Callable[[Json], Strategy]]] = {
    "boolean": lambda _: st.booleans(),
    "integer": lambda node: st.integers(node["minimum"], node["maximum"]),
    "number": lambda node: st.floats(node["minimum"], 1e9),
}


def specs(kind: Kind) -> Strategy:
    """Specs of a kind that the API server has to accept."""
    schema = crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return _values(schema, "spec").map(_CONSISTENT[kind])


def lost(drawn: Any, kept: Any, path: str = "spec") -> list[str]:
    """The paths of what was drawn and is missing in, or different from, what was kept."""
    if isinstance(drawn, dict) and isinstance(kept, dict):
        there = cast("Json", kept)
        pairs = [(f"{path}.{name}", value, there.get(name)) for name, value in cast("Json", drawn).items()]
    elif isinstance(drawn, list) and isinstance(kept, list):
        both = zip_longest(cast("list[object]", drawn), cast("list[object]", kept))
        pairs = [(f"{path}[{index}]", *pair) for index, pair in enumerate(both)]
    else:
        return [path] if drawn != kept else []
    return [gap for inner, value, found in pairs for gap in lost(value, found, inner)]


def _values(node: Json, path: str) -> Strategy:
    """Values that a node's own keywords allow; what its rules say about several fields is left to `_CONSISTENT`."""
    if path in _FIELDS:
        return _FIELDS[path]
    match node["type"]:
        case "object":
            return _objects(node, path)
        case "array":
            unique = node.get(LIST_TYPE) == "set"
            least, most = node.get("minItems", 0), min(node.get("maxItems", _FEW), _FEW)
            return st.lists(_values(node["items"], f"{path}[]"), min_size=least, max_size=most, unique=unique)
        case "string":
            return _strings(node)
        case other:
            return _SCALARS[other](node)


def _objects(node: Json, path: str) -> Strategy:
    least = node.get("minProperties", 0)
    if node.get(PRESERVE):
        return st.dictionaries(_TEXTS.filter(lambda key: key not in node["properties"]), _FREE, max_size=_FEW)
    if "additionalProperties" in node:
        keys = _KEYS.get(path.rsplit(".", 1)[1], _TEXTS)
        return st.dictionaries(keys, _values(node["additionalProperties"], f"{path}.*"), min_size=least, max_size=_FEW)
    fields = {name: _values(child, f"{path}.{name}") for name, child in node["properties"].items()}
    return st.fixed_dictionaries({name: fields.pop(name) for name in node.get("required", [])}, optional=fields)


def _strings(node: Json) -> Strategy:
    if "enum" in node:
        return st.sampled_from(node["enum"])
    least, most = node.get("minLength", 0), node["maxLength"]
    if "pattern" not in node:
        return st.text(st.characters(codec="utf-8"), min_size=least, max_size=min(most, 20))
    # To Python, `$` also stands before a newline at the end.
    pattern: str = node["pattern"].removesuffix("$") + r"\Z"
    texts: st.SearchStrategy[str] = st.from_regex(pattern, fullmatch=True)
    return texts.filter(lambda text: least <= len(text) <= most)


def _connection(spec: Json) -> Json:
    if "tls" in spec:
        spec["url"] = "https" + spec["url"].removeprefix("https").removeprefix("http")
        if spec["tls"].get("insecureSkipVerify"):
            spec["tls"].pop("caRef", None)
    return spec


def _role(spec: Json) -> Json:
    budget = spec.get("budget", {})
    if "id" in budget:
        budget.pop("soft", None)
    if "max" in budget and "soft" in budget:
        budget["soft"] = min(budget["soft"], budget["max"])
    if not budget.keys() & {"max", "soft", "id"}:
        budget.pop("period", None)
    if spec.get("access", {}).get("keyType") != "Default":
        spec.get("access", {}).pop("allowedRoutes", None)
    _lifetime(spec)
    if "allowedNamespaces" in spec:
        spec["allowedNamespaces"] = _allowed(spec["allowedNamespaces"])
    return spec


def _allowed(consent: Json) -> Json:
    selector = consent.get("selector", {})
    for requirement in selector.get("matchExpressions", []):
        if requirement["operator"] in {"Exists", "DoesNotExist"}:
            requirement.pop("values", None)
        elif not requirement.get("values"):
            requirement["values"] = ["v"]
    if not selector.get("matchExpressions") and not selector.get("matchLabels"):
        selector["matchLabels"] = {"llm": "yes"}
    match consent.get("from"):
        case "Selector":
            return {"from": "Selector", "selector": selector}
        case "Names":
            return {"from": "Names", "names": consent.get("names", ["team-a"])}
        case _:
            return {name: consent[name] for name in consent.keys() & {"from"}}


def _lifetime(spec: Json) -> None:
    renewal = spec.get("renewal", {})
    if "before" in renewal:
        renewal.pop("beforePercentage", None)
        renewal["before"] = "1s"
    if spec.get("ttl") == "1s":
        spec["ttl"] = "2s"
    if "maxTTL" in spec:
        spec["maxTTL"] = "3650d"
        spec["ttl"] = spec.get("ttl", "30d").replace("Never", "1w")


def _key(spec: Json) -> Json:
    _lifetime(spec)
    secret = spec.get("secret", {})
    if "data" in secret:
        secret.pop("preset", None)
        secret["data"]["key"] = "{{key}}"
    return spec


_CONSISTENT: Final[Mapping[Kind, Callable[[Json], Json]]] = {CONNECTION: _connection, ROLE: _role, KEY: _key}
