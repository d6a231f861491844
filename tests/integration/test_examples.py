"""Every manifest that people are told to apply is taken by a real API server, field by field."""

from pathlib import Path

import pytest
import yaml

from dev.controlplane import Access

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
NAMESPACES = ("llm-platform", "team-a")


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_api_server_takes_an_example(crds: Access, namespace: str, file: Path) -> None:
    documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
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
