"""What the API server wrote down about the requests of service accounts."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

POLICY: Final = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "userGroups": ["system:serviceaccounts"], "omitManagedFields": True},
        {"level": "None"},
    ],
}
"""Administrators are left out: they are the tests, which write more than all operators."""
_BY: Final = re.compile(r'RBAC: allowed by \w+ "[^"]*" of (?P<kind>ClusterRole|Role) "(?P<name>[^"/]*)')


@dataclass(frozen=True, slots=True)
class Use:
    """One request for a resource: what was asked for, and what allowed it; `role` is empty if nothing did."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str
    role: str


def flags(folder: Path) -> tuple[str, ...]:
    """What makes an API server write it down, into `audit.log`."""
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(POLICY), encoding="utf-8")
    return f"--audit-policy-file={policy}", f"--audit-log-path={_log(folder)}", "--audit-log-maxsize=1000"


def uses(folder: Path, user: str) -> list[Use]:
    """The requests of one user for resources, oldest first; watches that are still open are among them."""
    return [_use(entry) for entry in _entries(_log(folder), user) if entry.get("objectRef")]


def _entries(log: Path, user: str) -> Iterator[dict[str, Any]]:
    mentioned = json.dumps(user)
    with log.open(encoding="utf-8") as file:
        for line in file:
            # Parsing all of them takes long after a day's tests.
            if mentioned in line and line.endswith("\n"):
                entry = json.loads(line)
                if entry["user"]["username"] == user:
                    yield entry


def _use(entry: dict[str, Any]) -> Use:
    asked, said = entry["objectRef"], entry["annotations"]
    by = _BY.match(said.get("authorization.k8s.io/reason", ""))
    subresource = f"/{asked['subresource']}" if "subresource" in asked else ""
    return Use(
        entry["verb"],
        asked.get("apiGroup", ""),
        f"{asked['resource']}{subresource}",
        asked.get("namespace", ""),
        asked.get("name", ""),
        f"{by['kind']}/{by['name']}" if by and said["authorization.k8s.io/decision"] == "allow" else "",
    )


def _log(folder: Path) -> Path:
    return folder / "audit.log"
