"""Templates of Secret entries and aliases: text with `{{ name }}` in it, from a closed set and without expressions."""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

SECRET_VARIABLES: Final = (
    "key",
    "baseURL",
    "alias",
    "models",
    "teamID",
    "expiresAt",
    "revision",
    "name",
    "namespace",
)
"""What `spec.secret.data` of a Key may name."""

ALIAS_VARIABLES: Final = ("namespace", "name", "cluster")
"""What `spec.aliasTemplate` of a Role may name."""

# Spelled without backslashes, so that it reads the same in Python, YAML and CEL.
_PLACEHOLDER: Final = re.compile(r"[{][{](?: *([A-Za-z]+) *[}][}])?")


class Preset(StrEnum):
    """A ready-made set of Secret entries, named after who reads them."""

    DEFAULT = "Default"
    OPENAI = "OpenAI"
    ANTHROPIC = "Anthropic"
    LITELLM = "LiteLLM"


PRESETS: Final[Mapping[Preset, Mapping[str, str]]] = {
    Preset.DEFAULT: {"api-key": "{{ key }}", "base-url": "{{ baseURL }}"},
    Preset.OPENAI: {"OPENAI_API_KEY": "{{ key }}", "OPENAI_BASE_URL": "{{ baseURL }}"},
    Preset.ANTHROPIC: {"ANTHROPIC_AUTH_TOKEN": "{{ key }}", "ANTHROPIC_BASE_URL": "{{ baseURL }}"},
    Preset.LITELLM: {"LITELLM_API_KEY": "{{ key }}", "LITELLM_API_BASE": "{{ baseURL }}"},
}
"""The Secret entries of each preset, as templates."""


class TemplateError(ValueError):
    """A template names a variable that there is not, or opens `{{` and does not close it."""


def pattern(variables: Collection[str], literal: str = "") -> str:
    """Answer the regular expression of the templates that `render` takes; `literal` lists characters to refuse."""
    names = "|".join(variables)
    return rf"^([^{{{literal}]|[{{][^{{{literal}]|[{{][{{] *({names}) *[}}][}}])*[{{]?$"


def mentions(variable: str) -> str:
    """Answer the regular expression of the templates that use `variable`."""
    return rf"[{{][{{] *{variable} *[}}][}}]"


def length(template: str, variables: Mapping[str, str]) -> int:
    """Answer how long the template would be with each variable replaced, without making it."""
    found = [match for match in _PLACEHOLDER.finditer(template) if match.group(1) in variables]
    return len(template) + sum(len(variables[match.group(1)]) - len(match.group()) for match in found)


def render(template: str, variables: Mapping[str, str]) -> str:
    """Answer the template with each `{{ name }}` replaced; values are taken as they are, never as templates."""

    def value(found: re.Match[str]) -> str:
        name = found.group(1)
        if name is None:
            message = "'{{' without a variable and '}}'"
            raise TemplateError(message)
        if name not in variables:
            message = f"unknown variable '{name}'; there are {', '.join(variables)}"
            raise TemplateError(message)
        return variables[name]

    return _PLACEHOLDER.sub(value, template)
