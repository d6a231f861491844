"""Logs: no key in them, whichever way it came."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from litellm_key_operator import logs

VALUE = "sk-abcDEF_123-xyz456"


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in ("kopf.objects", "httpx", "httpcore")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


def refuse() -> None:
    raise ValueError(f"refused: {VALUE}")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_is_a_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    structlog.get_logger("ours").info("issued", namespace="team-a", name="app", revision=1)
    (line,) = lines(capsys)
    assert line["event"] == "issued"
    assert (line["namespace"], line["name"], line["revision"], line["level"], line["logger"]) == (
        "team-a", "app", 1, "info", "ours",
    )  # fmt: skip
    assert line["timestamp"].endswith("Z")


def test_the_standard_library_goes_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logging.getLogger("kopf.something").warning("lost %s", "the watch")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["logger"]) == ("lost the watch", "warning", "kopf.something")


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_key_is_redacted_wherever_it_is(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form, "debug")
    log = structlog.get_logger("ours")
    log.info(
        "issued %s",
        VALUE,
        value=VALUE,
        deep={"a": [{"b": (VALUE,)}], VALUE: 1},
        raw=VALUE.encode(),
        odd=ValueError(VALUE),
    )
    logging.getLogger("kopf").info("body: %r", {"data": VALUE})
    try:
        refuse()
    except ValueError:
        log.exception("ours failed")
        logging.getLogger("asyncio").exception("theirs failed")
    text = capsys.readouterr().err
    assert VALUE not in text
    assert "abcDEF" not in text
    assert text.count("sk-[redacted]") >= 8
    assert text.count("ValueError: refused: sk-[redacted]") == 2


def test_what_is_no_key_stays() -> None:
    assert logs.redact("sk-...abcd and task-1 and sk-short") == "sk-...abcd and task-1 and sk-short"
    assert logs.redact({"n": 1, "none": None, "yes": True}) == {"n": 1, "none": None, "yes": True}


def test_talkative_libraries_are_kept_to_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "debug")
    for name in ("kopf.objects", "httpx"):
        logging.getLogger(name).info("a line per request")
        logging.getLogger(name).warning("worth knowing")
    assert [line["event"] for line in lines(capsys)] == ["worth knowing"] * 2


def test_the_level_is_kept_to(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "warning")
    structlog.get_logger("ours").info("quiet")
    structlog.get_logger("ours").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]
