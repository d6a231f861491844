"""What people see, on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest
from typing_extensions import override

from litellm_key_operator.plugin import screen as module
from litellm_key_operator.plugin.screen import Cell, Screen

ROWS = [[Cell("└─ one", "bold"), Cell("Ready", "green")], [Cell("└─ another"), Cell("")]]
PLAIN = "NAME        STATE\n└─ one      Ready\n└─ another\n"


class Terminal(io.StringIO):
    """Standard output with somebody before it."""

    @override
    def isatty(self) -> bool:
        return True


def table(out: io.StringIO) -> str:
    Screen(out).table(("NAME", "STATE"), ROWS)
    return out.getvalue()


def test_columns_are_aligned_and_nothing_is_cut_off_where_nobody_looks() -> None:
    assert table(io.StringIO()) == PLAIN
    out = io.StringIO()
    Screen(out).table(("A", "B"), [[Cell("x" * 300), Cell("end")]])
    assert out.getvalue().splitlines()[1] == "x" * 300 + "  end"


def test_a_terminal_has_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = table(Terminal())
    assert "\x1b[32mReady" in shown
    assert "└─ another" in shown


def test_a_narrow_terminal_shows_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    out = Terminal()
    Screen(out).table(("A", "B"), [[Cell("name"), Cell("0123456789" * 10)]])
    assert "".join(out.getvalue().split()).count("0123456789") == 10


def test_without_colours_a_terminal_is_as_plain_as_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert table(Terminal()) == PLAIN


def test_without_rich_a_terminal_is_as_plain_as_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)

    def find(_name: str) -> None: ...

    monkeypatch.setattr(module, "find_spec", find)
    assert table(Terminal()) == PLAIN


@pytest.mark.parametrize("out", [io.StringIO, Terminal])
def test_what_is_shown_cannot_steer_a_terminal(out: type[io.StringIO], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written, noted = out(), io.StringIO()
    screen = Screen(written, noted)
    evil = "a\x1b[2Jb\rc\x9bd\x07"
    screen.table(("X",), [[Cell(evil)]])
    screen.say(evil)
    screen.note(evil)
    shown = written.getvalue() + noted.getvalue()
    assert shown.count("a\ufffd[2Jb\ufffdc\ufffdd\ufffd") == 3
    assert not set(shown) & {"\x1b", "\r", "\x9b", "\x07"}
