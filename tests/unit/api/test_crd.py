from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, Field

from litellm_key_operator.api import crd
from litellm_key_operator.api.names import CONNECTION, KEY, ROLE, Kind
from litellm_key_operator.api.schema import structural

KINDS = [CONNECTION, ROLE, KEY]
CHECKED_IN = Path(__file__).parents[3] / "deploy" / "crds"


def root(kind: Kind) -> dict[str, Any]:
    schema: dict[str, Any] = crd.crd(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for inner in ("items", "additionalProperties"):
        if inner in node:
            yield from nodes(node[inner], f"{path}[]")


def fields(kind: Kind) -> list[tuple[str, dict[str, Any]]]:
    parts = root(kind)["properties"]
    return [(path, node) for part in ("spec", "status") for path, node in nodes(parts[part], part)]


def test_what_is_checked_in_is_what_the_models_say() -> None:
    assert crd.differences(CHECKED_IN) == []
    assert {path.name for path in CHECKED_IN.iterdir()} == set(crd.files())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_field_has_a_description(kind: Kind) -> None:
    assert [path for path, node in fields(kind) if not path.endswith("[]") and not node.get("description")] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_default_is_told_in_the_description(kind: Kind) -> None:
    scalars = [(path, node) for path, node in fields(kind) if isinstance(node.get("default"), str | int)]
    assert [path for path, node in scalars if f"Default: {node['default']}" not in node["description"]] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_enum_is_told_in_the_description(kind: Kind) -> None:
    enums = [(path, word, node["description"]) for path, node in fields(kind) for word in node.get("enum", ())]
    assert [(path, word) for path, word, description in enums if word not in description] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_text_and_list_that_a_user_writes_has_an_end(kind: Kind) -> None:
    ends = {"string": "maxLength", "array": "maxItems"}
    for path, node in nodes(root(kind)["properties"]["spec"], "spec"):
        end = ends.get(node["type"])
        assert end is None or end in node or "enum" in node, path
        assert "additionalProperties" not in node or "maxProperties" in node, path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_status_is_never_refused_for_its_values(kind: Kind) -> None:
    refusing = {"pattern", "maxLength", "minimum", "maximum", "maxItems", "x-kubernetes-validations", "default"}
    status = root(kind)["properties"]["status"]
    assert status.pop("default") == {"observedGeneration": -1}
    assert [path for path, node in nodes(status, "status") if node.keys() & refusing] == []


def test_names_are_those_of_the_contract() -> None:
    names = [crd.crd(kind)["spec"]["names"] for kind in KINDS]
    assert [name["shortNames"] for name in names] == [["llconn"], ["llrole"], ["llkey"]]
    assert {tuple(name["categories"]) for name in names} == {("litellm",)}
    assert [crd.crd(kind)["metadata"]["name"] for kind in KINDS] == [
        "litellmconnections.llmkeys.io",
        "litellmroles.llmkeys.io",
        "litellmkeys.llmkeys.io",
    ]


def test_a_preset_has_no_default_in_the_schema() -> None:
    secret = root(KEY)["properties"]["spec"]["properties"]["secret"]
    assert "default" not in secret["properties"]["preset"]
    assert "preset" not in secret["default"]


def test_fields_of_later_versions_are_not_there() -> None:
    later = {"quota", "perModel", "objectPermission", "enterprise", "extraParams", "adoption", "adopt", "rollout"}
    later |= {"suspend", "usage", "orphans"}
    assert not {path.rsplit(".", 1)[-1] for kind in KINDS for path, _ in fields(kind)} & later


def test_printing_gives_all_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main([]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert printed == [crd.crd(kind) for kind in KINDS]


def test_checking_tells_which_file_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main(["--write", str(tmp_path)]) == 0
    assert crd.main(["--check", str(tmp_path)]) == 0
    (tmp_path / "litellmkeys.yaml").write_text("old", encoding="utf-8")
    (tmp_path / "litellmroles.yaml").unlink()
    assert crd.main(["--check", str(tmp_path)]) == 1
    assert "litellmroles.yaml, litellmkeys.yaml not as generated" in capsys.readouterr().err


class Union(BaseModel):
    field: int | str


class Conditional(BaseModel):
    field: Annotated[int, Field(gt=0)]


@pytest.mark.parametrize(("model", "message"), [(Union, "Union.field: a union"), (Conditional, "exclusiveMinimum")])
def test_what_has_no_structural_form_is_refused(model: type[BaseModel], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        structural(model)
