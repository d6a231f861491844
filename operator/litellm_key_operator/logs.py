"""Logs: one line per event, on standard error, and never a key in them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Final, Literal, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_KEY_LIKE: Final = re.compile(r"sk-[A-Za-z0-9_-]{8,}")
_QUIET: Final = ("kopf.objects", "httpx", "httpcore", "aiohttp.access", "kubernetes")
"""Loggers that write a line per object, request or connection; kopf shows whole objects at DEBUG."""


def redact(value: Any) -> Any:
    """The same value with everything that looks like a key replaced, however deep it is."""
    match value:
        case str():
            return _KEY_LIKE.sub("sk-[redacted]", value)
        case bytes():
            return redact(value.decode(errors="replace"))
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {redact(key): redact(part) for key, part in cast("Mapping[object, object]", value).items()}
        case list() | tuple() | set() | frozenset():
            return [redact(part) for part in cast("Iterable[object]", value)]
        case _:
            return redact(repr(value))


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> MutableMapping[str, Any]:
    """The last processor before the renderer: tracebacks are text by now, so they are seen too."""
    return {key: redact(value) for key, value in event.items()}


def configure(form: Literal["json", "console"], level: str) -> None:
    """Route structlog and the standard library's logging through one formatter; called once, at the start."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_event,
                _renderer(form),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, threshold))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _renderer(form: Literal["json", "console"]) -> Processor:
    if form == "console":
        return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.processors.JSONRenderer()
