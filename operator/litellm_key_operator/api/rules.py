"""Checks that the API server itself makes: patterns, and CEL rules as `x-kubernetes-validations` of a schema node."""

from typing import Final, TypeAlias

from pydantic.types import JsonValue

Extension: TypeAlias = dict[str, JsonValue]
"""What `json_schema_extra` takes: keywords that are added to a node of the JSON schema."""

VALIDATIONS: Final = "x-kubernetes-validations"
LIST_TYPE: Final = "x-kubernetes-list-type"
LIST_MAP_KEYS: Final = "x-kubernetes-list-map-keys"
PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"

DNS_LABEL: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN: Final = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ENTRY_NAME: Final = r"^[-._a-zA-Z0-9]+$"
LABEL_VALUE: Final = r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$"
QUALIFIED_NAME: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
"""Label and annotation names: an optional DNS prefix and a name of at most 63 characters."""

ROUTE: Final = r"^[!-~]+$"
ADDRESS: Final = r"^https?://([-_A-Za-z0-9.]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[!$->@-~]*)?$"
"""Scheme, host, port and a path prefix; no user information, query or fragment."""

SET: Final[Extension] = {LIST_TYPE: "set"}
"""A list whose order means nothing; the API server refuses an entry that comes twice."""


def plain(refused: str = "") -> str:
    """Answer the pattern of text without control characters and without white space around it."""
    odd = rf"\x00-\x1f\x7f{refused}"
    return rf"^[^\s{odd}]([^{odd}]*[^\s{odd}])?$"


def checked(*rules: tuple[str, str]) -> Extension:
    """Answer the extension that makes the API server hold each `(CEL expression, message)`."""
    return {VALIDATIONS: [{"rule": rule, "message": message} for rule, message in rules]}


def names_allowed(pattern: str, message: str) -> tuple[str, str]:
    """Answer a rule for a map: every key matches."""
    return f"self.all(k, k.matches('{pattern}'))", message


def immutable(why: str) -> tuple[str, str]:
    """Answer a rule that lets a field be set once."""
    return "self == oldSelf", f"is immutable: {why}"
