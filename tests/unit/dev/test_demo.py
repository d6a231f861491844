"""Which servers the demo uses, and how it ends when its story does not come true."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev import controlplane, servers
from dev.children import ServerError
from dev.demo import __main__ as demo
from dev.demo import stage
from dev.demo.story import Story, StoryError
from dev.litellm import Endpoint


@pytest.fixture(autouse=True)
def nothing_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in (*servers.OWN, "KEEP", "CLUSTER"):
        monkeypatch.delenv(name, raising=False)


def test_the_demo_starts_its_own_servers() -> None:
    assert demo.chosen(keep=False) is stage.own
    assert demo.chosen(keep=True) is stage.kept


def test_a_cluster_in_the_environment_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in servers.OWN:
        monkeypatch.setenv(name, "/production")

    assert demo.chosen(keep=False) is stage.own

    assert "left alone" in capsys.readouterr().err


def test_it_is_used_for_the_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in servers.OWN:
        monkeypatch.setenv(name, "/test")
    monkeypatch.setenv("CLUSTER", "mine")

    assert demo.chosen(keep=False) is stage.theirs


@pytest.mark.parametrize(
    ("cluster", "keep", "message"),
    [
        ("production", False, "CLUSTER=production means nothing"),
        ("mine", False, "CLUSTER=mine needs KUBECONFIG, LITELLM_URL, LITELLM_MASTER_KEY"),
        ("mine", True, "KEEP=1 leaves the demo's own servers up"),
    ],
)
def test_a_contradiction_is_refused(monkeypatch: pytest.MonkeyPatch, cluster: str, keep: bool, message: str) -> None:
    monkeypatch.setenv("CLUSTER", cluster)
    with pytest.raises(ServerError, match=message):
        demo.chosen(keep=keep)


def test_a_story_that_does_not_come_true_ends_with_the_reason_and_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "operator.log"
    log.write_text("what the operator said last\n", encoding="utf-8")
    cluster = controlplane.Access(kubeconfig=tmp_path, url="", ca=None, kubectl_program=tmp_path)

    @contextmanager
    def own() -> Generator[stage.Stage]:
        yield stage.Stage(cluster, Endpoint("", ""), log)

    def tell(_story: Story) -> None:
        raise StoryError("the key was not revoked")

    monkeypatch.setattr(stage, "own", own)
    monkeypatch.setattr(Story, "tell", tell)
    monkeypatch.setattr("sys.argv", ["demo"])

    with pytest.raises(SystemExit) as end:
        demo.main()

    assert "the key was not revoked" in str(end.value.code)
    assert "what the operator said last" in str(end.value.code)
