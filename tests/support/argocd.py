"""The health check for Argo CD, in a Lua that has what Argo CD's has, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple, cast

import yaml

from litellm_key_operator.api.names import GROUP
from tests.support.documents import ROOT

FILE: Final = ROOT / "deploy/gitops/argocd-health.yaml"
_LUA: Final[Any] = import_module("lupa.lua51")
_TAKEN: Final = ("string", "math", "io", "os", "debug", "coroutine", "python")


class Health(NamedTuple):
    """What is shown of an object."""

    status: str
    message: str


def scripts() -> dict[str, str]:
    """The scripts by their entries in `argocd-cm`."""
    found: dict[str, str] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["data"]
    return found


def health(resource: Mapping[str, Any]) -> Health:
    """What Argo CD says of a resource; raises LuaError if the script fails."""
    runtime = _LUA.LuaRuntime(register_eval=False, register_builtins=False)
    runtime.execute('getmetatable("").__index = nil')
    values = runtime.globals()
    for name in _TAKEN:
        values[name] = None
    values.obj = _table(runtime, resource)
    answer = runtime.execute(scripts()[f"resource.customizations.health.{GROUP}_{resource['kind']}"])
    return Health(str(answer.status), str(answer.message))


def _table(runtime: Any, value: Any) -> Any:
    match value:
        case Mapping():
            entries = cast("Mapping[str, Any]", value).items()
            return runtime.table_from({name: _table(runtime, part) for name, part in entries})
        case list():
            return runtime.table_from([_table(runtime, part) for part in cast("Iterable[Any]", value)])
        case _:
            return value
