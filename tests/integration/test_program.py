"""The program on a real API server: how it starts, leads, stands by and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.account import Account, granted
from dev.controlplane import Access, ControlPlane
from dev.controlplane.access import define
from dev.faultproxy import Answer, before_api_server
from dev.operatorprocess import OperatorProcess
from litellm_key_operator.settings import PROGRAM
from tests.support.rights import refusals

PROMISED = 10.0
"""Seconds from SIGTERM to the end."""
LEASE = 5.0
"""Seconds; on a busy machine a shorter one is lost now and then by whoever holds it."""
KEYS_WATCH = r"/litellmkeys\?.*watch="


class Operators:
    """Makes operators for one test's namespace, with the rights that the chart gives there, and ends them."""

    def __init__(self, access: Access, namespace: str, account: Account, folder: Path) -> None:
        self.access = access
        self.namespace = namespace
        self.account = account
        self.kubeconfig = account.kubeconfig(access, folder)
        self._folder = folder
        self._made: list[OperatorProcess] = []

    def start(self, name: str = "operator", kubeconfig: Path | None = None, **flags: str) -> OperatorProcess:
        """Start one; `kubeconfig` may lead there another way."""
        settings: dict[str, str] = {
            "namespaces": self.namespace,
            "operator_namespace": self.namespace,
            **flags,
        }
        process = OperatorProcess(kubeconfig or self.kubeconfig, self._folder, name=name, **settings).start()
        self._made.append(process)
        return process

    def end(self) -> None:
        for process in self._made:
            process.kill9()

    def lease(self) -> dict[str, Any]:
        """The Lease's spec."""
        found = self.access.kubectl("get", "lease", PROGRAM, "-n", self.namespace, "-o", "json")
        spec: dict[str, Any] = json.loads(found)["spec"]
        return spec


@pytest.fixture
def operators(crds: Access, namespace: str, tmp_path: Path) -> Generator[Operators]:
    with granted(crds, namespace, watched=[namespace]) as account:
        made = Operators(crds, namespace, account, tmp_path)
        yield made
        made.end()
    assert not refusals(crds, account)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program, to its end."""
    command = [sys.executable, "-m", "litellm_key_operator", *arguments]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LLMKEYS_")}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env={**inherited, **environment}, check=False
    )


def key_of(namespace: str, name: str) -> dict[str, Any]:
    return {
        "apiVersion": "llmkeys.io/v1alpha1",
        "kind": "LiteLLMKey",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"roleRef": {"name": "nobody"}},
    }


def wait_until_seen(operator: OperatorProcess, access: Access, namespace: str, name: str) -> None:
    """Make a Key and wait until the operator has something to say of it."""
    access.kubectl("create", "-f", "-", input=json.dumps(key_of(namespace, name)))
    operator.wait_for(
        lambda: operator.metric("litellm_key_status_condition", name=name, condition="Ready", status="False") == 1,
        f"the condition of {name}",
    )


def test_it_starts_shows_metrics_and_ends_in_time(operators: Operators) -> None:
    operator = operators.start().wait_ready()

    assert operator.page("/healthz") == (200, "ok\n")
    assert operator.metric("litellm_key_leader") == 1
    assert operator.metric("litellm_key_build_info") == 1
    assert (
        operator.metric("litellm_key_kubernetes_requests_total", verb="list", resource="litellmkeys", code="200") >= 1
    )
    assert operators.lease()["holderIdentity"]

    began = time.monotonic()
    assert operator.terminate() == 0
    assert time.monotonic() - began < PROMISED
    assert not operators.lease()["holderIdentity"]
    assert operator.logged("stopped")


def test_what_happens_to_a_key_reaches_it(operators: Operators) -> None:
    operator = operators.start().wait_ready()
    wait_until_seen(operator, operators.access, operators.namespace, "watched")
    operators.access.kubectl("delete", "litellmkey", "watched", "-n", operators.namespace)
    operator.wait_for(
        lambda: operator.metric("litellm_key_status_condition", name="watched", status="False") == 0,
        "the series to go with the object",
    )


def test_of_two_one_works_and_the_other_takes_over_when_it_is_killed(operators: Operators) -> None:
    first = operators.start("first", lease_duration=f"{LEASE:g}s").wait_ready()
    second = operators.start("second", lease_duration=f"{LEASE:g}s").wait_standby()
    assert second.page("/readyz")[0] == 200
    assert second.metric("litellm_key_leader") == 0

    killed = time.monotonic()
    first.kill9()
    second.wait_ready()
    assert LEASE / 2 < time.monotonic() - killed < 3 * LEASE + 5
    assert second.metric("litellm_key_leader") == 1


def test_one_that_ends_hands_over_before_its_lease_is_over(operators: Operators) -> None:
    first = operators.start("first", lease_duration="60s").wait_ready()
    second = operators.start("second", lease_duration="60s").wait_standby()
    assert first.terminate() == 0
    second.wait_ready(seconds=30)


def test_one_that_was_frozen_finds_its_lease_gone_and_ends(operators: Operators) -> None:
    first = operators.start("first", lease_duration=f"{LEASE:g}s").wait_ready()
    second = operators.start("second", lease_duration=f"{LEASE:g}s").wait_standby()
    first.sigstop()
    second.wait_ready()
    first.sigcont()
    assert first.wait_exit() == 1
    assert second.page("/readyz") == (200, "leading\n")


def test_without_election_it_leads_at_once(operators: Operators) -> None:
    operators.start(leader_election="false").wait_ready()
    leases = operators.access.kubectl("get", "leases", "-n", operators.namespace, "-o", "name")
    assert not leases.strip()


def test_a_seed_that_cannot_be_used_is_named_and_left_alone(operators: Operators) -> None:
    access, namespace = operators.access, operators.namespace
    access.kubectl("create", "secret", "generic", "seed", "--from-literal=installation=x", "-n", namespace)
    operator = operators.start(seed_secret="seed")
    assert operator.wait_exit() == 1
    (line,) = operator.logged("cannot go on")
    assert f"{namespace}/seed" in line["reason"]


@pytest.mark.slow
def test_an_error_in_a_watch_ends_kopf_but_not_the_program(operators: Operators) -> None:
    error = {"type": "ERROR", "object": {"kind": "Status", "code": 500, "message": "etcd has gone fishing"}}
    with before_api_server(operators.access, operators.account.token) as (proxy, kubeconfig):
        rule = proxy.on("GET", KEYS_WATCH, Answer(200, json.dumps(error).encode() + b"\n"))
        operator = operators.start(kubeconfig=kubeconfig)
        rule.wait_reached()
        operator.wait_for(lambda: operator.metric("litellm_key_watch_restarts_total") == 1, "a restart")
        wait_until_seen(operator, operators.access, operators.namespace, "after")
        assert operator.metric("litellm_key_watch_restarts_total") == 1
        assert operator.terminate() == 0


@pytest.mark.slow
def test_what_was_deleted_while_nobody_watched_is_noticed(operators: Operators) -> None:
    access, namespace = operators.access, operators.namespace
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    with before_api_server(access, operators.account.token) as (proxy, kubeconfig):
        # No watch ever begins: what is known of Keys is from one LIST after the other.
        proxy.on("GET", KEYS_WATCH, Answer(200, json.dumps(expired).encode() + b"\n"), nth=None)
        operator = operators.start(kubeconfig=kubeconfig).wait_ready()
        wait_until_seen(operator, access, namespace, "gone")
        access.kubectl("delete", "litellmkey", "gone", "-n", namespace)
        operator.wait_for(
            lambda: operator.metric("litellm_key_status_condition", name="gone", status="False") == 0,
            "the deleted Key to be forgotten",
        )
        assert operator.terminate() == 0


@pytest.mark.slow
def test_watches_that_break_off_are_made_anew(own_control_plane: ControlPlane, tmp_path: Path) -> None:
    define(own_control_plane)
    with (
        granted(own_control_plane, "default") as account,
        OperatorProcess(account.kubeconfig(own_control_plane, tmp_path), tmp_path, lease_duration="60s") as operator,
    ):
        operator.wait_ready()
        own_control_plane.kubectl("create", "namespace", "broken-off")
        wait_until_seen(operator, own_control_plane, "broken-off", "before")
        own_control_plane.restart_apiserver()
        wait_until_seen(operator, own_control_plane, "broken-off", "after")
        assert operator.page("/readyz") == (200, "leading\n")
        assert operator.terminate() == 0


def test_a_bad_setting_is_one_line_and_exit_code_2() -> None:
    ended = run("run", "--workers=0", LLMKEYS_LEASE_DURATION="1h")
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert "--workers (LLMKEYS_WORKERS): '0' cannot be used: must be a whole number from 1 to 256" in line
    assert "--lease-duration (LLMKEYS_LEASE_DURATION): '1h' cannot be used: must be a time from 2s to 5m" in line


def test_no_cluster_is_said_and_exit_code_1(tmp_path: Path) -> None:
    ended = run("run", "--http-address=127.0.0.1:0", KUBECONFIG=str(tmp_path / "absent"))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    (line,) = [json.loads(text) for text in ended.stderr.splitlines() if "cannot go on" in text]
    assert "no access to a cluster" in line["reason"]


def test_a_port_that_is_taken_is_said_and_exit_code_1(operators: Operators) -> None:
    first = operators.start("first")
    ended = run("run", f"--http-address=127.0.0.1:{first.port}", KUBECONFIG=str(operators.kubeconfig))
    assert ended.returncode == 1
    assert "address already in use" in ended.stderr


def test_the_crds_are_printed() -> None:
    ended = run("crds")
    assert ended.returncode == 0
    kinds = [crd["spec"]["names"]["kind"] for crd in yaml.safe_load_all(ended.stdout)]
    assert sorted(kinds) == ["LiteLLMConnection", "LiteLLMKey", "LiteLLMRole"]
