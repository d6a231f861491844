"""One run over one resource: what is known of it, brought up to date by each step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.domain.picture import Seen, Want
from litellm_key_operator.domain.record import record
from litellm_key_operator.domain.state import Place, Row, SecretSeen
from litellm_key_operator.engine.memory import Memory


class Finished(Exception):
    """The resource let go of us, or is gone: there is nothing left to be done or said."""


@dataclass(slots=True)
class Run:
    """`confirmed`: the resource was read from the API server in this run, which is the fence of all that destroys."""

    want: Want
    seen: Seen
    memory: Memory
    confirmed: bool = False

    def learn(self, **news: Any) -> None:
        """Bring the picture up to date."""
        self.seen = replace(self.seen, **news)

    def learn_key(self, key: LiteLLMKey) -> None:
        """The resource as the API server has it now."""
        self.want = replace(self.want, key=key)
        self.learn(record=record(key))

    def learn_row(self, place: Place, row: Row | None) -> None:
        """LiteLLM's answer about one token."""
        self.learn(rows={**self.seen.rows, place: row})

    def forget_row(self, place: Place) -> None:
        """What LiteLLM said is out of date; it is asked again before anything rests on it."""
        self.learn(rows=_without(self.seen.rows, place))

    def learn_secret(self, name: str, secret: SecretSeen | None) -> None:
        """A Secret as the API server has it now."""
        self.learn(secrets={**self.seen.secrets, name: secret})

    def learn_trace(self) -> None:
        """The process's own traces, after they changed."""
        self.learn(trace=dict(self.memory.trace))


def _without(rows: Mapping[Place, Row | None], place: Place) -> dict[Place, Row | None]:
    return {other: row for other, row in rows.items() if other != place}
