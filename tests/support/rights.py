"""What the operator asked of an API server, next to what the chart lets it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

from dev.account import Account
from dev.controlplane import Access, ControlPlane
from dev.controlplane.audit import Use


class Grant(NamedTuple):
    """The smallest thing that a role lets one do; without a name, with each object."""

    role: str
    verb: str
    group: str
    resource: str
    name: str

    def covers(self, use: Use) -> bool:
        """Whether this use was for this grant."""
        return use.role == self.role and self.allows(use)

    def allows(self, use: Use) -> bool:
        """Whether this grant would let one do that, in the namespaces that it is for."""
        wanted = (use.verb, use.group, use.resource)
        return wanted == (self.verb, self.group, self.resource) and self.name in ("", use.name)


def grants(account: Account) -> set[Grant]:
    """All that the account was given; the same role in several namespaces counts once."""
    roles = [found for found in account.rights if found["kind"] in ("Role", "ClusterRole")]
    return {
        Grant(f"{role['kind']}/{role['metadata']['name']}", *granted)
        for role in roles
        for rule in role["rules"]
        for granted in _granted(rule)
    }


def unused(account: Account, uses: Iterable[Use]) -> set[Grant]:
    """What it was given and did not use."""
    done = set(uses)
    return {grant for grant in grants(account) if not any(grant.covers(use) for use in done)}


def refusals(access: Access, account: Account) -> list[Use]:
    """What it asked for in vain, as far as the API server is ours and tells.

    A namespace that is deleted takes the Roles in it along: what is asked for there does not count.
    """
    if not isinstance(access, ControlPlane):
        return []
    refused = [use for use in access.uses(account.user) if not use.role]
    there = access.kubectl("get", "namespaces", "--field-selector=status.phase=Active", "-o", "name").split()
    return [use for use in refused if not use.namespace or f"namespace/{use.namespace}" in there]


def lacking(access: Access, account: Account) -> list[Use]:
    """What it asked for in vain and was not given.

    An API server that was just started also refuses what it has not read the roles for yet.
    """
    given = grants(account)
    return [use for use in refusals(access, account) if not any(grant.allows(use) for grant in given)]


def _granted(rule: dict[str, Any]) -> Iterable[tuple[str, str, str, str]]:
    return product(rule["verbs"], rule["apiGroups"], rule["resources"], rule.get("resourceNames", ("",)))
