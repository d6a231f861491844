"""How kopf is to behave: as a watcher that keeps nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory
from typing_extensions import override

from litellm_key_operator.api import names
from litellm_key_operator.entry.feed import SECRETS


class NoDiffBase(kopf.DiffBaseStorage):
    """Keeps no last-seen state: nothing here asks for differences, and half of kopf's work per event is saved."""

    @override
    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    @override
    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:
        return kopf.BodyEssence()

    @override
    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        return


class NoProgress(kopf.ProgressStorage):
    """Keeps no progress: there are no handlers that could be half done."""

    @override
    def fetch(self, *, key: Any, body: kopf.Body) -> None:
        return None

    @override
    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        return

    @override
    def purge(self, *, key: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        return

    @override
    def touch(self, *, body: kopf.Body, patch: kopf.Patch, value: str | None) -> None:
        return

    @override
    def clear(self, *, essence: kopf.BodyEssence) -> kopf.BodyEssence:
        return essence


class NoMemories(ResourceMemories):
    """Remembers no object between its events, which would be a kilobyte of each for as long as it is there.

    `kopf.spawn_tasks` takes it as a parameter, though kopf exports no name for its class.
    """

    @override
    async def recall(self, *args: Any, **options: Any) -> ResourceMemory:
        return await super().recall(*args, **{**options, "ephemeral": True})


def operator_settings() -> kopf.OperatorSettings:
    """How kopf is to behave; every line is there because of a trap."""
    settings = kopf.OperatorSettings()
    # kopf takes its own finalizer off whenever no handler needs it: under our name it would take ours off, for ever.
    settings.persistence.finalizer = f"{names.GROUP}/kopf-unused"
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.peering.standalone = True
    settings.watching.chunk_size = 1  # of a list only the version is used
    settings.watching.connect_timeout = 10
    settings.watching.reconnect_backoff = 1.0
    # The server filters; `labels=` of a handler would have every Secret of the cluster sent here.
    settings.watching.label_selectors[SECRETS] = f"{names.LABEL_MANAGED_BY}={names.PROGRAM}"
    # A worker per object lives so long; a limit of workers would be a limit of objects per such time.
    settings.queueing.idle_timeout = 0.5
    settings.queueing.exit_timeout = 1.0
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = (0.5, 1, 2, 4, 8, 15, 30)
    settings.execution.max_workers = 2
    # Set, it kills the process ten minutes after a run of kopf has ended, though another one may be under way.
    settings.process.ultimate_exiting_timeout = None
    return settings
