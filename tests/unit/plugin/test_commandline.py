"""What can be asked, what is refused and how, and what the help does not wait for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from litellm_key_operator.plugin.commandline import Asked, parse

VALUE = "sk-ABCDefgh0123456789xyz"
HEAVY = ("aiohttp", "httpx", "kopf", "kubernetes", "pydantic", "rich", "structlog", "yaml")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("tree", Asked("tree")),
        ("tree -A -o json", Asked("tree", all_namespaces=True, output="json")),
        ("-n team-a --context c --kubeconfig f -o json tree", Asked("tree", "team-a", False, "c", "f", "json")),
        ("-n team-a tree -n team-b", Asked("tree", "team-b")),
        ("rotate a b a", Asked("rotate", names=("a", "b"))),
        ("rotate llkey/a litellmkey.llmkeys.io/b LiteLLMKeys/c", Asked("rotate", names=("a", "b", "c"))),
        ("rotate a --wait --timeout 2m", Asked("rotate", names=("a",), wait=True, timeout=120.0)),
        ("revoke a --yes", Asked("revoke", names=("a",), yes=True, wait=True)),
        ("revoke a --no-wait", Asked("revoke", names=("a",))),
        ("verify a --url https://llm/x --ca-file ca", Asked("verify", names=("a",), url="https://llm/x", ca_file="ca")),
        ("find", Asked("find")),
        ("find -", Asked("find")),
        ("find sha256:ABCDEF0123", Asked("find", token="abcdef0123")),
    ],
)
def test_what_is_asked(line: str, asked: Asked) -> None:
    assert parse(line.split()) == asked


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "a command is needed: tree, rotate, verify, find, revoke"),
        ("grow", "invalid choice: 'grow'"),
        ("rotate", "NAME"),
        ("rotate pod/a", "'pod/a' is not a LiteLLMKey"),
        ("rotate App", "'App' is no name of a LiteLLMKey: at most 63"),
        ("rotate " + "a" * 64, "at most 63"),
        ("rotate a --timeout 2d", "'2d' cannot be used: must be a time from 1s to 1h"),
        ("tree -n Team", "'Team' is no name of a namespace"),
        ("tree -n a -A", "-A and -n exclude each other"),
        ("tree -o yaml", "'yaml'"),
        ("verify a --url ftp://x", "must be http:// or https://"),
        ("verify a --url http://user:pw@x", "without user information"),
        ("find 0123456", "must be 8 to 64 hex digits"),
        ("find " + "0" * 65, "must be 8 to 64 hex digits"),
        (f"find {VALUE}", "a key's value is never an argument"),
        (f"find 01234567 {VALUE}", "sk-[redacted]"),
        (f"verify {VALUE}", "'sk-[redacted]' is no name"),
        (f"{VALUE}", "sk-[redacted]"),
        (f"tree --{VALUE}", "sk-[redacted]"),
    ],
)
def test_what_cannot_be_asked_is_told_on_one_line_without_a_value(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("kubectl llkey: ")
    assert len(err.splitlines()) == 1
    assert VALUE[3:] not in err


@pytest.mark.parametrize("line", ["--help", "tree --help", "revoke --help", "--version", ""])
def test_the_help_waits_for_no_library(line: str) -> None:
    program = (
        "import sys\n"
        "from litellm_key_operator.plugin.__main__ import main\n"
        f"sys.argv = ['kubectl-llkey', *{line.split()!r}]\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "LOADED []" in done.stdout, done.stdout + done.stderr
