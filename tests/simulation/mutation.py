"""A wrong version of the operator: its source with a few words changed, for this process alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType

from typing_extensions import override

PACKAGE = "litellm_key_operator"


@dataclass(frozen=True, slots=True)
class Change:
    """In a module below the package, this text becomes that one."""

    module: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One thing done wrong."""

    name: str
    changes: tuple[Change, ...]


def one(name: str, module: str, old: str, new: str) -> Mutant:
    """One thing done wrong in one place."""
    return Mutant(name, (Change(module, old, new),))


class _Loader(SourceFileLoader):
    """Compiles the changed source, and keeps nothing of it."""

    def __init__(self, found: SourceFileLoader, changes: Sequence[Change]) -> None:
        super().__init__(found.name, found.path)
        self._changes = changes

    @override
    def get_code(self, fullname: str) -> CodeType:
        text = self.get_data(self.path).decode()
        for change in self._changes:
            if text.count(change.old) != 1:
                message = f"{fullname} has {text.count(change.old)} times: {change.old}"
                raise LookupError(message)
            text = text.replace(change.old, change.new)
        return compile(text, self.path, "exec", dont_inherit=True)


@dataclass(slots=True)
class _Finder(MetaPathFinder):
    changes: dict[str, list[Change]]

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.changes:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader, self.changes[fullname])
        return spec


def install(mutant: Mutant) -> None:
    """From now on the changed modules are imported; they must not have been before."""
    changes: dict[str, list[Change]] = {}
    for change in mutant.changes:
        name = f"{PACKAGE}.{change.module}"
        if name in sys.modules:
            message = f"{name} was imported already"
            raise RuntimeError(message)
        changes.setdefault(name, []).append(change)
    sys.meta_path.insert(0, _Finder(changes))
