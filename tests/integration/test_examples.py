"""Every manifest that people are told to apply is taken by a real API server, field by field."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.controlplane import Access
from litellm_key_operator.api.names import API_VERSION
from tests.support.documents import DOCUMENTS, ROOT, Block, blocks

EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
NAMESPACES = ("llm-platform", "team-a", "team-b")
SHOWN = [(file, block) for file in DOCUMENTS for block in blocks(file, "yaml")]
SMALLEST: Mapping[str, dict[str, Any]] = {
    "LiteLLMConnection": {"url": "https://litellm", "adminKeySecretRef": {"name": "litellm-admin"}},
    "LiteLLMRole": {"models": ["gpt-4o-mini"], "ttl": "30d"},
    "LiteLLMKey": {"roleRef": {"name": "chat"}},
}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 10
    assert len(SHOWN) >= 6


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_api_server_takes_an_example(crds: Access, namespace: str, file: Path) -> None:
    _apply(crds, namespace, list(yaml.safe_load_all(file.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "block", [block for _, block in SHOWN], ids=[f"{file.relative_to(ROOT)}-{n}" for n, (file, _) in enumerate(SHOWN)]
)
def test_the_api_server_takes_what_a_page_shows(crds: Access, namespace: str, block: Block) -> None:
    _apply(crds, namespace, _completed(block))


def _completed(block: Block) -> list[dict[str, Any]]:
    """Whole manifests as they are; a part of one, whose title says of which kind, in the smallest of that kind."""
    documents = list(yaml.safe_load_all(block.text))
    if all("apiVersion" in document for document in documents):
        return documents
    kind, _, part = block.title.partition(": ")
    assert part == "spec", f'say of which kind this is a part, as in title="LiteLLMRole: spec":\n{block.text}'
    (spec,) = documents
    metadata = {"name": "part", "namespace": NAMESPACES[0]}
    return [{"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": SMALLEST[kind] | spec}]


def _apply(crds: Access, namespace: str, documents: list[dict[str, Any]]) -> None:
    for document in documents:
        metadata = document["metadata"]
        if document["kind"] == "Namespace":
            assert metadata["name"] in NAMESPACES
            metadata["name"] += f"-{namespace}"
        else:
            # A dry run makes no namespace; a claim's role may be in another one without being looked up.
            assert metadata["namespace"] in NAMESPACES
            metadata["namespace"] = namespace
    manifests = yaml.safe_dump_all(documents)

    # Strict: a field that the schema does not have would be dropped without a word.
    applied = crds.kubectl(
        "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", input=manifests
    )

    assert len(applied.splitlines()) == len(documents)
