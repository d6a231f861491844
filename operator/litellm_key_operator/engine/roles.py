"""Roles: whether keys can be asked for, whether the proxy knows their models, how many keys there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from litellm_key_operator.api.common import ConditionStatus
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import ConditionType, EventReason, RoleReason
from litellm_key_operator.api.role import LiteLLMRole, RoleStatus
from litellm_key_operator.domain.errors import Denied
from litellm_key_operator.domain.report import Saying, conditions
from litellm_key_operator.engine.cache import Cache, Name, connection_of
from litellm_key_operator.engine.connections import Connections
from litellm_key_operator.engine.voice import Voice
from litellm_key_operator.ports import Resources

_WORDS: Final = frozenset({"all-proxy-models", "all-team-models", "no-default-models"})
"""What LiteLLM understands for many models at once."""


@dataclass(frozen=True, slots=True)
class Roles:
    """Says how they stand."""

    cache: Cache
    resources: Resources
    connections: Connections
    voice: Voice
    clock: Callable[[], datetime]

    async def look_for_team(self, name: Name) -> bool:
        """Learn whether its team exists; answers whether that is news to its keys. Raises Unavailable.

        LiteLLM would issue keys for a team of any name.
        """
        role = self.cache.roles.get(name)
        if role is None:
            return False
        team, opened = role.spec.identity.team_id, self.connections.opened.get(connection_of(role))
        if team is None or opened is None or opened.passed is None or opened.teams.get(team):
            return False
        had = opened.teams.get(team)
        try:
            opened.teams[team] = await opened.passed.has_team(team)
        except Denied:
            opened.teams[team] = True  # the credential may not ask: LiteLLM is left to say it
        return opened.teams[team] is not had

    async def say(self, name: Name) -> None:
        """Write down how it stands. Raises Conflict, Gone, Unavailable of the cluster."""
        role = self.cache.roles.get(name)
        if role is None:
            return
        if connection_of(role) in self.cache.connections and connection_of(role) not in self.connections.opened:
            return  # nothing is known yet; the first check of the connection brings us back
        resolved, unknown = self._models(role)
        keys = self.cache.keys_of_role(name)
        before, generation = role.status, role.metadata.generation
        wanted = RoleStatus(
            conditions=conditions(before.conditions, [self._ready(role), resolved], generation, self.clock()),
            keys=len(keys),
            keys_ready=sum(1 for key in keys if is_ready(key)),
            observed_generation=generation,
        )
        if wanted == before:
            return
        written = await self.resources.write_role_status(role, wanted)
        self.cache.roles[name] = written
        was = next((c.message for c in before.conditions if c.type == ConditionType.MODELS_RESOLVED), "")
        if unknown and was != resolved.message:
            self.voice.say(written, EventReason.UNKNOWN_MODELS, resolved.message)

    def _ready(self, role: LiteLLMRole) -> Saying:
        name = connection_of(role)
        connection = self.cache.connections.get(name)
        label = f"LiteLLMConnection {name[0]}/{name[1]}"
        if connection is None:
            reason, message = RoleReason.CONNECTION_NOT_FOUND, f"there is no {label}"
        elif not self.connections.ready(name):
            why = next((c.message for c in connection.status.conditions if c.type == ConditionType.READY), "")
            reason, message = RoleReason.CONNECTION_NOT_READY, f"{label} is not ready: {why}"
        elif role.spec.identity.team_id is not None and not self.team_exists(role):
            reason, message = RoleReason.INVALID_SPEC, f"spec.identity.teamID: {unknown_team(role)}"
        else:
            return Saying(ConditionType.READY, ConditionStatus.TRUE, RoleReason.AVAILABLE, "keys can be asked for")
        return Saying(ConditionType.READY, ConditionStatus.FALSE, reason, message)

    def team_exists(self, role: LiteLLMRole) -> bool | None:
        """Whether the team that the role names exists; None if that was not looked up yet."""
        opened, team = self.connections.opened.get(connection_of(role)), role.spec.identity.team_id
        return True if team is None else opened.teams.get(team) if opened is not None else None

    def _models(self, role: LiteLLMRole) -> tuple[Saying, bool]:
        opened = self.connections.opened.get(connection_of(role))
        served = opened.models if opened is not None else None
        kind = ConditionType.MODELS_RESOLVED
        if served is None:
            return Saying(
                kind, ConditionStatus.UNKNOWN, RoleReason.UNCHECKED, "the proxy's models are not known"
            ), False
        unknown = [model for model in role.spec.models if not _serves(served, model)]
        if unknown:
            text = f"the proxy does not know {', '.join(sorted(unknown))}"
            return Saying(kind, ConditionStatus.FALSE, RoleReason.UNKNOWN_MODELS, text), True
        return Saying(kind, ConditionStatus.TRUE, RoleReason.RESOLVED, "the proxy knows every model"), False


def _serves(served: Iterable[str], model: str) -> bool:
    if model in _WORDS:
        return True
    if model.endswith("*"):
        return any(name.startswith(model[:-1]) for name in served)
    return any(name == model or (name.endswith("*") and model.startswith(name[:-1])) for name in served)


def unknown_team(role: LiteLLMRole) -> str:
    """What is wrong with a role whose team does not exist."""
    return f"LiteLLM knows no team {role.spec.identity.team_id}"


def is_ready(key: LiteLLMKey) -> bool:
    """Whether a Key says that its Secret holds a working key."""
    return any(c.type == ConditionType.READY and c.status == ConditionStatus.TRUE for c in key.status.conditions)
