"""From what is watched to the engine: parsed once, handed over, nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog
from pydantic import ValidationError

from litellm_key_operator.api import names
from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.domain.state import SecretSeen
from litellm_key_operator.engine.engine import Engine

T = TypeVar("T")
Deliver = Callable[[Callable[[Any], None], Any], object]
"""Calls with a value, in the engine's thread: `Inbox.put`. kopf's events arrive in another one."""
_log = structlog.get_logger(__name__)


class Resource(NamedTuple):
    """What is watched, as the API server calls it; the core group is empty."""

    group: str
    version: str
    plural: str


KEYS: Final = Resource(names.GROUP, names.VERSION, names.KEY.plural)
ROLES: Final = Resource(names.GROUP, names.VERSION, names.ROLE.plural)
CONNECTIONS: Final = Resource(names.GROUP, names.VERSION, names.CONNECTION.plural)
SECRETS: Final = Resource("", "v1", "secrets")
NAMESPACES: Final = Resource("", "v1", "namespaces")


class Labels(NamedTuple):
    """A Namespace, as far as it matters."""

    name: str
    labels: dict[str, str]


class Source(Generic[T]):
    """One kind of object: how it is read, and where it goes."""

    def __init__(
        self,
        kind: str,
        parse: Callable[[Mapping[str, Any]], T],
        deliver: Deliver,
        seen: Callable[[T], None],
        gone: Callable[[T], None],
        known: Callable[[str, str], bool] = lambda _uid, _version: False,
    ) -> None:
        """`known` tells of a uid and a resourceVersion whether there is no news in them."""
        self.kind = kind
        self._parse = parse
        self._deliver = deliver
        self._seen = seen
        self._gone = gone
        self._known = known
        self._refused: dict[str, str] = {}

    def receive(self, event: str | None, body: Mapping[str, Any]) -> None:
        """Pass one event on. `event` is that of the watch; of a LIST kopf gives no object."""
        uid = body["metadata"]["uid"]
        # Most events are echoes of our own writes: they need not be read at all.
        if event != "DELETED" and self._known(uid, body["metadata"].get("resourceVersion", "")):
            return
        try:
            parsed = self._parse(body)
        except (ValidationError, ValueError, TypeError, KeyError) as error:
            self._refuse(uid, body["metadata"], error)
        else:
            self._refused.pop(uid, None)
            self._deliver(self._gone if event == "DELETED" else self._seen, parsed)
        if event == "DELETED":
            self._refused.pop(uid, None)

    def _refuse(self, uid: str, metadata: Mapping[str, Any], error: Exception) -> None:
        """Say once per version of the object why it is not looked at: a watch that is begun anew may bring it again."""
        version = metadata.get("resourceVersion", "")
        if self._refused.get(uid) == version:
            return
        self._refused[uid] = version
        _log.error(
            "object cannot be read and is left alone",
            kind=self.kind,
            namespace=metadata.get("namespace"),
            name=metadata.get("name"),
            problems=_problems(error),
        )


def _problems(error: Exception) -> list[str]:
    """Which fields, and what is wrong with them; without their values, which may be secret."""
    if not isinstance(error, ValidationError):
        return [f"{type(error).__name__}: {error}"]
    return [
        f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
        for detail in error.errors(include_input=False, include_url=False)
    ]


class Feed:
    """All that is watched, by resource, and the word that a LIST was made."""

    def __init__(
        self,
        engine: Engine,
        deliver: Deliver,
        *,
        parse_secret: Callable[[Mapping[str, Any]], SecretSeen],
        namespaces: bool,
    ) -> None:
        self.sources: dict[Resource, Source[Any]] = {
            KEYS: Source(
                names.KEY.kind, LiteLLMKey.model_validate, deliver, engine.key_seen, engine.key_gone, engine.has_key
            ),
            ROLES: Source(names.ROLE.kind, LiteLLMRole.model_validate, deliver, engine.role_seen, engine.role_gone),
            CONNECTIONS: Source(
                names.CONNECTION.kind,
                LiteLLMConnection.model_validate,
                deliver,
                engine.connection_seen,
                engine.connection_gone,
            ),
            SECRETS: Source("Secret", parse_secret, deliver, engine.secret_seen, engine.secret_gone),
        }
        if namespaces:
            self.sources[NAMESPACES] = Source(
                "Namespace",
                _labels,
                deliver,
                lambda seen: engine.namespace_seen(seen.name, seen.labels),
                lambda gone: engine.namespace_gone(gone.name),
            )
        self._relisted = engine.relisted

    def listed(self, plural: str) -> None:
        """A LIST of this kind was answered. Whatever was deleted before it will never be reported as deleted."""
        for resource, source in self.sources.items():
            if resource.plural == plural:
                self._relisted(source.kind)


def _labels(body: Mapping[str, Any]) -> Labels:
    metadata = body["metadata"]
    return Labels(metadata["name"], dict(metadata.get("labels") or {}))
