"""A LiteLLM whose clock is wrong, as far as anybody can see: every moment that it tells is shifted on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from dev.faultproxy import FaultProxy, Rewrite

_MOMENT: Final = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def shift(proxy: FaultProxy, by: timedelta) -> None:
    """Shift the `Date` headers and the moments in all answers that come through this proxy from now on."""

    def moved(found: re.Match[bytes]) -> bytes:
        return (datetime.fromisoformat(found[0].decode()) + by).isoformat().encode()

    def change(headers: Mapping[str, str], body: bytes) -> tuple[Mapping[str, str], bytes]:
        date = parsedate_to_datetime(headers["Date"]) + by
        return {**headers, "Date": format_datetime(date, usegmt=True)}, _MOMENT.sub(moved, body)

    proxy.on("*", "", Rewrite(change), nth=None)
