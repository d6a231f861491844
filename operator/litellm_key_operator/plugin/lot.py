"""The Keys of one command: what one of them meets holds up no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from litellm_key_operator.domain.errors import OutsideError
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.reading import failure
from litellm_key_operator.plugin.screen import Screen
from litellm_key_operator.plugin.shapes import RevocationShape, RotationShape, VerificationShape

S = TypeVar("S", RotationShape, RevocationShape, VerificationShape)


class Lot(Generic[S]):
    """What is known of each Key by now. Once a step failed for one, it is left out of the following ones."""

    def __init__(self, items: list[S], *, told_in: str = "error") -> None:
        self._items: dict[str, S] = {item.name: item for item in items}
        self._failed: dict[str, Failure] = {}
        self._told_in = told_in

    @property
    def items(self) -> tuple[S, ...]:
        """All of them, as they were named."""
        return tuple(self._items.values())

    @property
    def exit_code(self) -> Exit:
        """The highest of those that failed."""
        return max((error.exit_code for error in self._failed.values()), default=Exit.DONE)

    async def each(self, step: Callable[[S], Awaitable[S]]) -> None:
        """Take a step for each of them, one after the other."""
        for name, item in self._items.items():
            if name in self._failed:
                continue
            try:
                self._items[name] = await step(item)
            except OutsideError as error:
                self._fail(name, failure(error))
            except Failure as error:
                self._fail(name, error)

    def tell(self, screen: Screen) -> None:
        """Say what failed."""
        for name, error in self._failed.items():
            screen.note(f"{self._items[name].namespace}/{name}: {error}")

    def _fail(self, name: str, error: Failure) -> None:
        self._failed[name] = error
        self._items[name] = self._items[name].model_copy(update={self._told_in: str(error)})
