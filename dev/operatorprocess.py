"""The operator as its users run it: a process with settings, a log and three pages over HTTP."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from weakref import WeakSet

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from dev.children import Child, tail

PATIENCE = 30.0
"""Seconds that anything here may take on a busy machine."""


class OperatorError(AssertionError):
    """The operator did not do what it was waited for; the message ends with its log."""


class OperatorProcess:
    """`litellm-key-operator run` as a child of this process; every start appends to the same log.

    `flags` are settings under their Python names, as text: `lease_duration="2s"`.
    """

    present: ClassVar[WeakSet[OperatorProcess]] = WeakSet()
    """Those that run, for whoever wants to know what they say."""

    def __init__(
        self,
        kubeconfig: Path,
        folder: Path,
        *,
        name: str = "operator",
        **flags: str,
    ) -> None:
        self.log_file = folder / f"{name}.log"
        settings = {"http_address": "127.0.0.1:0", "log_level": "debug", **flags}
        self._arguments = [f"--{flag.replace('_', '-')}={value}" for flag, value in settings.items()]
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LLMKEYS_")}
        self._environment = {**kept, "KUBECONFIG": str(kubeconfig)}
        self._child: Child | None = None
        self._log_begins = 0
        self._port = 0

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill9()

    def start(self) -> Self:
        """Start it, again perhaps; answers at once."""
        self._log_begins = self.log_file.stat().st_size if self.log_file.exists() else 0
        command = [sys.executable, "-m", "litellm_key_operator", "run", *self._arguments]
        self._child = Child(command, log=self.log_file, env=self._environment)
        self.present.add(self)
        self._port = 0
        return self

    @property
    def running(self) -> bool:
        """Whether the process exists, frozen or not."""
        return self._child is not None and not self._child.ended()

    @property
    def log(self) -> str:
        """What the present process has logged, or the last one."""
        with self.log_file.open("rb") as file:
            file.seek(self._log_begins)
            return file.read().decode(errors="replace")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The same, as parsed lines; those that are no JSON are left out."""
        whole = [line for line in self.log.splitlines(keepends=True) if line.endswith("\n") and line.startswith("{")]
        return [json.loads(line) for line in whole]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        return [line for line in self.lines if line["event"] == event]

    @property
    def pid(self) -> int:
        """Of the present process."""
        return self._present().pid

    @property
    def port(self) -> int:
        """Where its pages are; waits until they are served."""
        if not self._port:
            self.wait_for(lambda: bool(self.logged("serving")), "its pages to be served")
            self._port = int(self.logged("serving")[-1]["port"])
        return self._port

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page; status 0 if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, /, **labels: str) -> float:
        """The sum of a metric's samples that have these labels; 0 if there is none."""
        return sum(sample.value for sample in self.samples(name) if labels.items() <= sample.labels.items())

    def samples(self, name: str) -> list[Sample]:
        """The samples of a metric. Only their lines are parsed: with many Keys the page has megabytes."""
        lines = [line for line in self.page("/metrics")[1].splitlines(keepends=True) if line.startswith(name)]
        families = text_string_to_metric_families("".join(lines))
        return [sample for family in families for sample in family.samples if sample.name == name]

    def wait_ready(self, seconds: float = PATIENCE) -> Self:
        """Wait until it leads and has read the cluster."""
        self.wait_for(lambda: self.page("/readyz") == (200, "leading\n"), "it to lead", seconds)
        return self

    def wait_standby(self, seconds: float = PATIENCE) -> Self:
        """Wait until it waits for the Lease."""
        self.wait_for(lambda: self.page("/readyz")[1].startswith("standby"), "it to stand by", seconds)
        return self

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait for a condition; raises OperatorError if time runs out or the process ends."""
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.running:
                raise OperatorError(f"the operator ended while waiting for {what}; its log ends\n{tail(self.log_file)}")
            if time.monotonic() > deadline:
                raise OperatorError(f"waited {seconds:g} s for {what}; its log ends\n{tail(self.log_file)}")
            time.sleep(0.05)

    def terminate(self, seconds: float = PATIENCE) -> int:
        """SIGTERM; answers the exit code once it has ended."""
        self._signal(signal.SIGTERM)
        return self.wait_exit(seconds)

    def wait_exit(self, seconds: float = PATIENCE) -> int:
        """Wait until it ends by itself; answers the exit code."""
        child = self._present()
        deadline = time.monotonic() + seconds
        while not child.ended():
            if time.monotonic() > deadline:
                raise OperatorError(f"it did not end within {seconds:g} s; its log ends\n{tail(self.log_file)}")
            time.sleep(0.02)
        self._gone()
        return child.wait()

    def kill9(self) -> None:
        """SIGKILL, wherever it is in its work; nothing happens if it has ended."""
        if self._child is not None:
            if self.running:
                self._signal(signal.SIGKILL)
            self._child.wait()
            self._gone()

    def sigstop(self) -> None:
        """Freeze it."""
        self._signal(signal.SIGSTOP)

    def sigcont(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _gone(self) -> None:
        self._child = None
        self.present.discard(self)

    def _signal(self, number: signal.Signals) -> None:
        os.kill(self._present().pid, number)

    def _present(self) -> Child:
        if self._child is None:
            raise OperatorError("the operator has not been started")
        return self._child
