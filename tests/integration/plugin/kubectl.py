"""`kubectl llkey` as a person runs it: by the real kubectl, which finds the plugin on the PATH."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dev.controlplane import Access

PATIENCE: Final = 120.0
REFUSED: Final = 401
VALUE: Final = re.compile(r"sk-[A-Za-z0-9_-]{12,}")
"""A key's value, or much of one; what is shown of a value, `sk-...abcd`, is none."""
_HERE: Final = Path(sys.executable).parent
_ACCOUNT: Final = "deployer"
_RULES: Final = [
    {
        "apiGroups": ["llmkeys.io"],
        "resources": ["litellmkeys"],
        "verbs": ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
    },
    {"apiGroups": ["llmkeys.io"], "resources": ["litellmroles"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch", "create", "update", "patch"]},
]
"""What `edit` gives in one namespace, of what matters here."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How one command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer, which must be JSON and nothing else."""
        return json.loads(self.out)


@dataclass(slots=True)
class Kubectl:
    """One person's kubectl. No output of it may ever show a value, which is looked for in each."""

    access: Access
    kubeconfig: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def llkey(self, *arguments: str, stdin: str = "") -> Ran:
        """Run the plugin, without anybody at a keyboard."""
        done = subprocess.run(
            self._command(arguments),
            input=stdin,
            capture_output=True,
            text=True,
            env=self._env,
            timeout=PATIENCE,
            check=False,
        )
        return _checked(Ran(done.returncode, done.stdout, done.stderr))

    def llkey_unread(self, *arguments: str) -> Ran:
        """Run it for a reader that has gone."""
        reader, writer = os.pipe()
        os.close(reader)
        with subprocess.Popen(
            self._command(arguments), stdout=writer, stderr=subprocess.PIPE, text=True, env=self._env
        ) as process:
            os.close(writer)
            _, complaints = process.communicate(timeout=PATIENCE)
        return _checked(Ran(process.returncode, "", complaints))

    def llkey_typed(self, *arguments: str, prompt: str = "", keys: str = "") -> Ran:
        """Run it on a terminal, with somebody who types this when asked so."""
        screen, keyboard = pty.openpty()
        # In a session of its own: a password would be asked for at the terminal that the tests were started from.
        with subprocess.Popen(
            self._command(arguments),
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
            env=self._env,
            start_new_session=True,
        ) as process:
            os.close(keyboard)
            shown = _shown(screen, prompt, keys)
            return _checked(Ran(process.wait(PATIENCE), shown, ""))

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [str(self.access.kubectl_program), "llkey", *arguments]

    @property
    def _env(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("LLMKEYS_")}
        path = os.pathsep.join((str(_HERE), kept.get("PATH", "")))
        return {**kept, "PATH": path, "KUBECONFIG": str(self.kubeconfig), "TERM": "xterm-256color", **self.environment}


def tenant(access: Access, namespace: str, folder: Path) -> Kubectl:
    """Somebody with the rights of `edit` in this namespace and nowhere else, which is their context's namespace."""
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "edit"},
        "rules": _RULES,
    }
    access.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(role))
    access.kubectl("create", "-n", namespace, "serviceaccount", _ACCOUNT)
    bound = f"--serviceaccount={namespace}:{_ACCOUNT}"
    access.kubectl("create", "-n", namespace, "rolebinding", "edit", "--role=edit", bound)
    token = access.kubectl("create", "-n", namespace, "token", _ACCOUNT).strip()
    return Kubectl(access, by_token(access, folder / "tenant", namespace, token))


def by_token(access: Access, file: Path, namespace: str, token: str, url: str = "") -> Path:
    """The kubeconfig of somebody with a token; JSON is YAML too."""
    cluster = {"server": url or access.url, "certificate-authority": str(access.ca)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        "current-context": "here",
    }
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def _shown(screen: int, prompt: str, keys: str) -> str:
    """All that a terminal shows until its last writer is gone. Keys typed before the prompt would be thrown away."""
    shown = b""
    while True:
        try:
            part = os.read(screen, 4096)
        except OSError:  # how Linux says that nobody writes there any more
            part = b""
        if not part:
            os.close(screen)
            return shown.decode()
        shown += part
        if keys and prompt.encode() in shown:
            os.write(screen, keys.encode())
            keys = ""


def _checked(ran: Ran) -> Ran:
    assert not VALUE.search(ran.out + ran.err), "a value was shown"
    assert "Traceback" not in ran.out + ran.err, ran
    return ran


def only(items: list[Any]) -> Any:
    """The one entry that a list may have."""
    assert len(items) == 1, items
    return items[0]


def node(items: list[Any], namespace: str, name: str) -> Any:
    """The entry of a list that is of this object."""
    return only([item for item in items if (item["namespace"], item["name"]) == (namespace, name)])
