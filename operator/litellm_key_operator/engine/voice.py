"""What the engine tells people: Events on the resources, and log lines; nothing when nothing changed."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from litellm_key_operator.api.connection import LiteLLMConnection
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.reasons import EventReason
from litellm_key_operator.api.role import LiteLLMRole
from litellm_key_operator.ports import Journal, Notice

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Voice:
    """Says a thing once as an Event and once in the log."""

    journal: Journal

    def say(self, about: LiteLLMKey | LiteLLMRole | LiteLLMConnection, reason: EventReason, message: str) -> None:
        """Tell of a transition."""
        meta, kind = about.metadata, type(about).__name__
        warning = reason.type == "Warning"
        self.journal.note(Notice(kind, meta.namespace, meta.name, meta.uid, reason, message, warning))
        log = _LOG.warning if warning else _LOG.info
        log(message, reason=str(reason), kind=kind, namespace=meta.namespace, name=meta.name)
