"""Settings: what is accepted, what wins, and what a refusal says."""

from __future__ import annotations

import os

import pytest

from litellm_key_operator.settings import Address, BadSettingError, Crds, Run, parse


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("LLMKEYS_"):
            monkeypatch.delenv(name)


def run(*arguments: str) -> Run:
    command = parse(["run", *arguments])
    assert isinstance(command, Run)
    return command


def test_the_defaults_are_usable() -> None:
    settings = run()
    assert settings.namespaces == []
    assert settings.operator_namespace == "default"
    assert settings.seed_secret == "litellm-key-operator-seed"
    assert settings.http_address == ("0.0.0.0", 8080)  # noqa: S104
    assert settings.leader_election
    assert (settings.lease_duration, settings.workers, settings.retry_min, settings.retry_max) == (15, 32, 0.5, 300)
    assert (settings.reload_interval, settings.request_timeout) == (30, 10)
    assert (settings.log_format, settings.log_level) == ("json", "info")


def test_the_other_command_has_no_settings() -> None:
    assert isinstance(parse(["crds"]), Crds)


@pytest.mark.parametrize(
    ("flag", "text", "field", "value"),
    [
        ("--namespaces", "a, b,c", "namespaces", ["a", "b", "c"]),
        ("--namespaces", "", "namespaces", []),
        ("--operator-namespace", "platform", "operator_namespace", "platform"),
        ("--seed-secret", "seed.v2", "seed_secret", "seed.v2"),
        ("--http-address", "127.0.0.1:0", "http_address", Address("127.0.0.1", 0)),
        ("--http-address", "[::]:8080", "http_address", Address("::", 8080)),
        ("--leader-election", "false", "leader_election", False),
        ("--leader-election", "0", "leader_election", False),
        ("--lease-duration", "15", "lease_duration", 15.0),
        ("--lease-duration", "2500ms", "lease_duration", 2.5),
        ("--lease-duration", "2m", "lease_duration", 120.0),
        ("--retry-max", "1h", "retry_max", 3600.0),
        ("--retry-min", "0.25s", "retry_min", 0.25),
        ("--cluster-name", "eu-1.prod_A", "cluster_name", "eu-1.prod_A"),
        ("--workers", "1", "workers", 1),
        ("--log-format", "console", "log_format", "console"),
        ("--log-level", "debug", "log_level", "debug"),
    ],
)
def test_a_setting_is_a_flag_and_a_variable(
    flag: str, text: str, field: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert getattr(run(flag, text), field) == value
    assert getattr(run(f"{flag}={text}"), field) == value
    monkeypatch.setenv("LLMKEYS_" + field.upper(), text)
    assert getattr(run(), field) == value


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLMKEYS_WORKERS", "4")
    assert run("--workers", "8").workers == 8


def test_namespaces_may_be_named_one_by_one() -> None:
    assert run("--namespaces", "a", "--namespaces", "b").namespaces == ["a", "b"]


@pytest.mark.parametrize(
    ("flag", "value", "limit"),
    [
        ("--namespaces", "a,B", "must be the name of a namespace: at most 63 of a-z, 0-9 and -"),
        ("--operator-namespace", "x" * 64, "must be the name of a namespace: at most 63 of a-z, 0-9 and -"),
        ("--seed-secret", "Seed", "must be the name of a Secret: at most 253 of a-z, 0-9, - and ."),
        ("--http-address", "8080", "must be <host>:<port>"),
        ("--http-address", "0.0.0.0:70000", "a port from 0 (any free one) to 65535"),
        ("--leader-election", "maybe", "must be true or false"),
        ("--lease-duration", "1999ms", "must be a time from 2s to 5m, such as 15s or 500ms"),
        ("--lease-duration", "301", "must be a time from 2s to 5m"),
        ("--lease-duration", "soon", "must be a time from 2s to 5m"),
        ("--lease-duration", "-15s", "must be a time from 2s to 5m"),
        ("--retry-min", "0", "must be a time from 10ms to 1m"),
        ("--retry-max", "2h", "must be a time from 100ms to 1h"),
        ("--reload-interval", "nan", "must be a time from 100ms to 10m"),
        ("--walk-interval", "25h", "must be a time from 1s to 24h"),
        ("--request-timeout", "1d", "must be a time from 500ms to 1m"),
        ("--cluster-name", "a/b", "must be 1 to 63 of letters, digits, -, _ and ."),
        ("--workers", "0", "must be a whole number from 1 to 256"),
        ("--workers", "257", "must be a whole number from 1 to 256"),
        ("--workers", "1.5", "must be a whole number from 1 to 256"),
        ("--workers", "many", "must be a whole number from 1 to 256"),
        ("--log-format", "xml", "must be 'json' or 'console'"),
        ("--log-level", "trace", "must be 'debug', 'info', 'warning' or 'error'"),
    ],
)
def test_a_refusal_names_flag_variable_value_and_limit(
    flag: str, value: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = "LLMKEYS_" + flag.removeprefix("--").replace("-", "_").upper()
    with pytest.raises(BadSettingError) as from_flag:
        run(f"{flag}={value}")
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSettingError) as from_variable:
        run()
    for refusal in (str(from_flag.value), str(from_variable.value)):
        assert refusal.startswith(f"{flag} ({variable}): ")
        assert repr(value) in refusal
        assert limit in refusal
        assert "\n" not in refusal


def test_two_mistakes_are_one_line() -> None:
    with pytest.raises(BadSettingError) as refused:
        run("--workers", "0", "--lease-duration", "7h")
    assert str(refused.value).count("cannot be used") == 2
    assert "\n" not in str(refused.value)


def test_the_shortest_pause_must_not_exceed_the_longest() -> None:
    with pytest.raises(BadSettingError, match=r"--retry-min .*: 2s is longer than --retry-max .*, which is 1s"):
        run("--retry-min", "2s", "--retry-max", "1s")


def test_a_command_is_needed() -> None:
    with pytest.raises(BadSettingError, match="command"):
        parse([])


def test_a_flag_that_does_not_exist_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run("--worker-count", "3")
    assert end.value.code == 2
    assert "--worker-count" in capsys.readouterr().err
