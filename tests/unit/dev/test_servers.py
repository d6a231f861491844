"""Which servers are used, and what comes of calls made together."""

import json
import os
import threading
from pathlib import Path

import pytest

from dev import background, servers
from dev.controlplane.access import is_established
from dev.ports import free_port


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in servers.OWN:
        monkeypatch.delenv(name, raising=False)


def test_nothing_is_used_unless_it_is_there() -> None:
    assert servers.given() is None


def test_a_kubeconfig_alone_is_nobody_s_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/production")
    assert servers.given() is None


def test_all_three_variables_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in servers.OWN:
        monkeypatch.setenv(name, name.lower())
    assert servers.given() == {name: name.lower() for name in servers.OWN}


def test_what_up_left_running_is_used() -> None:
    background.declare(Path("/config"), "http://litellm", "sk-master")

    assert servers.given() == dict(zip(servers.OWN, ("/config", "http://litellm", "sk-master"), strict=True))
    running = background.found()
    assert running is not None
    assert running.exports().splitlines()[0] == "export KUBECONFIG=/config"
    background.withdraw()
    assert servers.given() is None


def test_a_file_of_a_holder_that_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    background.declare(Path("/config"), "http://litellm", "sk-master")
    file = tmp_path / "litellm-key-operator" / "servers.json"
    state = json.loads(file.read_text(encoding="utf-8"))
    assert state["pid"] == os.getpid()

    # Another process may have got the number since.
    file.write_text(json.dumps(state | {"born": "1"}), encoding="utf-8")

    assert background.found() is None
    assert not background.stop()


def test_calls_are_made_at_once_and_the_first_error_is_raised() -> None:
    both = threading.Barrier(2, timeout=5)

    servers.together(both.wait, both.wait)

    with pytest.raises(ZeroDivisionError):
        servers.together(lambda: 1 // 0, lambda: None)


def test_ports_are_given_out_once() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize(
    ("status", "served"),
    [
        ({}, False),
        ({"conditions": None}, False),
        ({"conditions": [{"type": "NamesAccepted", "status": "True"}]}, False),
        ({"conditions": [{"type": "Established", "status": "False"}]}, False),
        (
            {"conditions": [{"type": "NamesAccepted", "status": "False"}, {"type": "Established", "status": "True"}]},
            True,
        ),
    ],
)
def test_a_definition_is_served_when_it_says_so(status: dict[str, object], served: bool) -> None:
    assert is_established({"status": status}) is served
