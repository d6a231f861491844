"""Connections: opened with the credential of the moment, checked, and said how they stand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from litellm_key_operator.api.common import ConditionStatus
from litellm_key_operator.api.connection import ConnectionSpec, ConnectionStatus, CustomKeys, LiteLLMConnection
from litellm_key_operator.api.reasons import ConditionType, ConnectionReason
from litellm_key_operator.domain.errors import (
    Denied,
    NotPermitted,
    OutsideError,
    Rejected,
    TLSFailure,
    Unavailable,
)
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.report import Saying, conditions
from litellm_key_operator.engine.cache import Cache, Name
from litellm_key_operator.ports import Credential, Gateway, OpenGateways, Preflight, Resources, Secrets

OLDEST: Final = (1, 103)
"""Before it a deleted key looks unknown, and the operator would revive what an admin killed."""


@dataclass(frozen=True, slots=True)
class Unusable(Exception):
    """Why a Connection cannot be used."""

    reason: ConnectionReason
    message: str


@dataclass(slots=True)
class Opened:
    """What this process knows of one Connection.

    `passed` is the client that passed its preflight last, `doubted` says that it might not pass another. `models` are
    what the proxy serves (None: the credential may not ask), `teams` the teams that roles name, and whether they exist.
    `told` is what those who wait for a check heard last: whether it is ready; None: nothing yet.
    """

    passed: Gateway | None = None
    doubted: bool = False
    found: Preflight | None = None
    models: frozenset[str] | None = None
    teams: dict[str, bool] = field(default_factory=dict[str, bool])
    swept_at: datetime | None = None
    told: bool | None = None


@dataclass(slots=True)
class Connections:
    """Opens and checks them. `opened` has an entry as soon as a Connection was checked once in this process."""

    cache: Cache
    resources: Resources
    secrets: Secrets
    gateways: OpenGateways
    clock: Callable[[], datetime]
    opened: dict[Name, Opened] = field(default_factory=dict[Name, "Opened"])

    def ready(self, name: Name) -> bool:
        """Whether it passed its last check in this process."""
        known = self.opened.get(name)
        return known is not None and known.passed is not None

    def doubt(self, name: Name) -> None:
        """A call was refused or not answered: the next run checks it again."""
        known = self.opened.get(name)
        if known is not None:
            known.doubted = True

    def swept(self, name: Name, moment: datetime) -> None:
        """Every key was compared; that is said along with the next other news."""
        known = self.opened.get(name)
        if known is not None:
            known.swept_at = moment.replace(microsecond=0)

    async def run(self, name: Name) -> bool:
        """One run; answers whether it is ready now. Raises Conflict, Gone, Unavailable of the cluster."""
        connection = self.cache.connections.get(name)
        if connection is None:
            # The client stays, so that what still has to be revoked can be, until nobody needs it any more.
            if not any(self.cache.keys_at(name)):
                self.gateways.forget(name)
            self.opened.pop(name, None)
            return False
        known = self.opened.get(name) or Opened()
        try:
            await self._check(name, connection, known)
            problem = None
        except Unusable as error:
            known.passed = None
            problem = error
        self.opened[name] = known
        await self._say(connection, known, problem)
        return problem is None

    async def _check(self, name: Name, connection: LiteLLMConnection, known: Opened) -> None:
        credential = await self._credential(connection)
        try:
            gateway = self.gateways.open(name, credential)
            if gateway is known.passed and not known.doubted:
                return
            known.found = await gateway.preflight()
            known.models = await _models(gateway)
            known.teams.clear()
        except OutsideError as error:
            raise Unusable(_reason(error), str(error)) from None
        _judge(known.found)
        known.passed, known.doubted = gateway, False

    async def _credential(self, connection: LiteLLMConnection) -> Credential:
        spec, namespace = connection.spec, connection.metadata.namespace
        ref = spec.admin_key_secret_ref
        admin_key = await self.secrets.text("Secret", namespace, ref.name, ref.key)
        if admin_key is None or not admin_key.strip():
            raise Unusable(
                ConnectionReason.SECRET_NOT_FOUND, f"there is no entry {ref.key} in Secret {namespace}/{ref.name}"
            )
        return Credential(
            url=spec.url,
            admin_key=KeyValue(admin_key.strip()),
            ca=await self._ca(spec, namespace),
            insecure_skip_verify=spec.tls is not None and spec.tls.insecure_skip_verify,
            timeout=timedelta(seconds=spec.timeout.seconds),
            max_in_flight=spec.max_in_flight,
        )

    async def _ca(self, spec: ConnectionSpec, namespace: str) -> str | None:
        ref = spec.tls.ca_ref if spec.tls is not None else None
        if ref is None:
            return None
        text = await self.secrets.text(ref.kind.value, namespace, ref.name, ref.key)
        if text is None:
            raise Unusable(
                ConnectionReason.SECRET_NOT_FOUND, f"there is no entry {ref.key} in {ref.kind} {namespace}/{ref.name}"
            )
        return text

    async def _say(self, connection: LiteLLMConnection, known: Opened, problem: Unusable | None) -> None:
        """The time of the last sweep is written along with other news only: it is not worth a write of its own."""
        before, generation = connection.status, connection.metadata.generation
        saying = (
            Saying(
                ConditionType.READY,
                ConditionStatus.TRUE,
                ConnectionReason.CONNECTED,
                "the proxy answers; keys can be managed",
            )
            if problem is None
            else Saying(ConditionType.READY, ConditionStatus.FALSE, problem.reason, problem.message)
        )
        found = known.found
        wanted = ConnectionStatus(
            conditions=conditions(before.conditions, [saying], generation, self.clock()),
            version=found.version if found else before.version,
            custom_keys=_custom_keys(found) if found else before.custom_keys,
            keys=sum(1 for _ in self.cache.keys_at((connection.metadata.namespace, connection.metadata.name))),
            last_sweep_time=before.last_sweep_time,
            observed_generation=generation,
        )
        if wanted != before:
            wanted = wanted.model_copy(update={"last_sweep_time": known.swept_at or before.last_sweep_time})
            written = await self.resources.write_connection_status(connection, wanted)
            self.cache.connections[written.metadata.namespace, written.metadata.name] = written


async def _models(gateway: Gateway) -> frozenset[str] | None:
    """None if the credential may not list them: then a role's models stay unchecked."""
    try:
        return await gateway.models()
    except Denied:
        return None


def _custom_keys(found: Preflight) -> CustomKeys:
    return CustomKeys.ALLOWED if found.custom_keys else CustomKeys.FORBIDDEN


def _judge(found: Preflight) -> None:
    if not found.database:
        raise Unusable(ConnectionReason.NO_DATABASE, "LiteLLM runs without a database, so that it cannot keep keys")
    release = re.match(r"v?(\d+)\.(\d+)", found.version or "")
    if release is not None and (int(release[1]), int(release[2])) < OLDEST:
        text = f"LiteLLM {found.version} is older than {OLDEST[0]}.{OLDEST[1]}: a deleted key could live again"
        raise Unusable(ConnectionReason.UNSUPPORTED_VERSION, text)
    if not found.custom_keys:
        text = "LiteLLM does not accept key values chosen by its clients (general_settings.disable_custom_api_keys)"
        raise Unusable(ConnectionReason.CUSTOM_KEYS_FORBIDDEN, text)


def _reason(error: OutsideError) -> ConnectionReason:
    match error:
        case NotPermitted():
            return ConnectionReason.FORBIDDEN
        case Denied():
            return ConnectionReason.BAD_CREDENTIAL
        case TLSFailure() | Rejected():
            return ConnectionReason.TLS_ERROR
        case Unavailable() | _:
            return ConnectionReason.UNREACHABLE
