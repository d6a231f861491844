"""Which value in a Secret is asked about, and where."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from litellm_key_operator.plugin.contents import address, held
from tests.unit.plugin.objects import URL, key

OLD, NEW = "sk-" + "o" * 30, "sk-" + "n" * 30
ADOPTED = "anything at all"
KNOWN = [hashlib.sha256(value.encode()).hexdigest() for value in (OLD, NEW)]


def secret(**entries: str) -> dict[str, Any]:
    return {"data": {name: base64.b64encode(text.encode()).decode() for name, text in entries.items()}}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ({"a": NEW}, ("a", NEW)),
        ({"a": OLD, "b": NEW}, ("b", NEW)),
        ({"a": "sk-" + "x" * 30, "b": OLD}, ("b", OLD)),
        ({"a": f"export KEY='{NEW}'\nexport X=1\n"}, ("a", NEW)),
        ({"a": f"{NEW}\n"}, ("a", NEW)),
        ({"a": "sk-" + "x" * 30}, ("a", "sk-" + "x" * 30)),
        ({"a": "password", "b": "sk-short"}, ("b", "sk-short")),
        ({"a": "password"}, None),
        ({"a": ""}, None),
        ({}, None),
    ],
)
def test_the_newest_value_that_the_key_knows_is_taken_and_nothing_that_is_no_key(
    entries: dict[str, str], found: tuple[str, str] | None
) -> None:
    answer = held(secret(**entries), KNOWN)
    assert (answer and (answer.entry, answer.value.reveal())) == found


def test_an_adopted_value_of_any_form_is_known_by_its_hash() -> None:
    answer = held(secret(a=ADOPTED), [hashlib.sha256(ADOPTED.encode()).hexdigest()])
    assert answer is not None
    assert answer.value.reveal() == ADOPTED


def test_entries_that_are_no_text_are_passed_over() -> None:
    broken = {"data": {"a": "\x00", "b": base64.b64encode(b"\xff\xfe").decode(), **secret(c=NEW)["data"]}}
    answer = held(broken, KNOWN)
    assert answer is not None
    assert answer.entry == "c"


@pytest.mark.parametrize(
    ("spec", "entries", "found"),
    [
        ({}, {"base-url": "https://llm.example"}, "https://llm.example"),
        ({"preset": "OpenAI"}, {"OPENAI_BASE_URL": "https://llm.example"}, "https://llm.example"),
        ({"data": {"k": "{{ key }}", "u": " {{baseURL}} "}}, {"u": " https://llm.example "}, "https://llm.example"),
        ({"data": {"k": "{{ key }}", "u": "{{ baseURL }}/v1"}}, {"u": "https://llm.example/v1"}, URL),
        ({}, {"base-url": "file:///etc/passwd"}, URL),
        ({}, {}, URL),
    ],
)
def test_the_proxy_is_asked_where_its_users_find_it(spec: dict[str, Any], entries: dict[str, str], found: str) -> None:
    assert address(key(spec={"secret": spec}), secret(**entries)) == found


def test_without_any_address_there_is_none() -> None:
    assert address(key(connection=None), secret()) is None
