import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_key_operator.api.templates import (
    ALIAS_VARIABLES,
    PRESETS,
    SECRET_VARIABLES,
    Preset,
    TemplateError,
    mentions,
    pattern,
    render,
)

VALUES = {name: f"<{name}>" for name in SECRET_VARIABLES}
PATTERN = re.compile(pattern(SECRET_VARIABLES).removesuffix("$") + r"\Z")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("{{ key }}", "<key>"),
        ("{{key}}", "<key>"),
        ("{{   baseURL }}/v1", "<baseURL>/v1"),
        ('{"key": "{{ key }}", "team": "{{ teamID }}"}', '{"key": "<key>", "team": "<teamID>"}'),
        ("{{ key }}}", "<key>}"),
        ("{ {{ key }} }", "{ <key> }"),
        ("{{ name }}{{ namespace }}", "<name><namespace>"),
        ("a\nb: {{ revision }}\n", "a\nb: <revision>\n"),
        ("one { and }} two", "one { and }} two"),
    ],
)
def test_variables_are_replaced_and_the_rest_stays(template: str, text: str) -> None:
    assert render(template, VALUES) == text
    assert PATTERN.match(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ secret }}",
        "{{ Key }}",
        "{{ key | upper }}",
        "{{ key.x }}",
        "{{}}",
        "{{ key",
        "{{{ key }}",
        "{{ 1 }}",
        "{{\nkey }}",
    ],
)
def test_anything_else_in_braces_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, VALUES)
    assert not PATTERN.match(template)


def test_the_error_names_the_variable_and_what_there_is() -> None:
    with pytest.raises(TemplateError, match=r"unknown variable 'cluster'; there are name, namespace"):
        render("{{ cluster }}", {"name": "a", "namespace": "b"})


def test_a_value_is_never_taken_for_a_template() -> None:
    assert render("{{ alias }}", {"alias": r"{{ key }} \1"}) == r"{{ key }} \1"


@given(st.lists(st.sampled_from(["{", "}", "{{", "}}", " ", "key", "alias", "nope", "\n"]), max_size=8).map("".join))
def test_the_schema_and_the_renderer_refuse_the_same(template: str) -> None:
    try:
        render(template, VALUES)
    except TemplateError:
        assert not PATTERN.match(template)
    else:
        assert PATTERN.match(template)


def test_the_variables_are_those_of_the_contract() -> None:
    contract = "key baseURL alias models teamID expiresAt revision name namespace"
    assert list(SECRET_VARIABLES) == contract.split()
    assert set(ALIAS_VARIABLES) == {"namespace", "name", "cluster"}


def test_mentions_finds_the_variable_only() -> None:
    assert re.search(mentions("key"), "x {{key}} y")
    assert not re.search(mentions("key"), "key {{ keys }} {{ alias }}")


def test_every_preset_delivers_key_and_address() -> None:
    assert set(PRESETS) == set(Preset)
    for entries in PRESETS.values():
        assert {render(template, VALUES) for template in entries.values()} == {"<key>", "<baseURL>"}
    assert set(PRESETS[Preset.DEFAULT]) == {"api-key", "base-url"}
    assert set(PRESETS[Preset.OPENAI]) == {"OPENAI_API_KEY", "OPENAI_BASE_URL"}
    assert set(PRESETS[Preset.ANTHROPIC]) == {"ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"}
    assert set(PRESETS[Preset.LITELLM]) == {"LITELLM_API_KEY", "LITELLM_API_BASE"}
