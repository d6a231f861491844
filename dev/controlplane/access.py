"""How an administrator reaches an API server, our own or somebody else's."""

import base64
import json
import os
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from dev.children import ServerError

CRDS: Final = Path(__file__).resolve().parents[2] / "deploy" / "crds"
_PATIENCE: Final = 30.0
_LOOK: Final = 0.1


class Access:
    """An API server, the files to reach it with, and kubectl."""

    def __init__(
        self,
        *,
        kubeconfig: Path,
        url: str,
        ca: Path | None,
        kubectl_program: Path,
        certificate: Path | None = None,
        key: Path | None = None,
        token: str | None = None,
    ) -> None:
        self.kubeconfig = kubeconfig
        self.url = url
        self.ca = ca
        self.certificate = certificate
        self.key = key
        self.token = token
        self.kubectl_program = kubectl_program

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as subprocess.run calls it
        """What kubectl prints; raises `ServerError` with what it complains about."""
        command: list[str | Path] = [self.kubectl_program, *arguments]
        env = os.environ | {"KUBECONFIG": str(self.kubeconfig)}
        done = subprocess.run(command, input=input, capture_output=True, text=True, env=env, check=False)
        if done.returncode:
            raise ServerError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def by(self, kubeconfig: Path) -> "Access":
        """The same server for kubectl, as another kubeconfig leads to it."""
        return Access(kubeconfig=kubeconfig, url=self.url, ca=self.ca, kubectl_program=self.kubectl_program)

    def tls(self, *, anonymous: bool = False) -> ssl.SSLContext:
        """What a client needs to trust the server and, unless anonymous, to be the administrator there."""
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate and not anonymous:
            context.load_cert_chain(self.certificate, self.key)
        return context


def foreign(kubeconfig: Path, kubectl_program: Path, home: Path) -> Access:
    """The API server of the current context of a kubeconfig; credentials that it embeds are written into `home`."""
    view: list[str | Path] = [kubectl_program, "config", "view", "--minify", "--flatten", "--raw", "-o", "json"]
    env = os.environ | {"KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(view, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        raise ServerError(f"KUBECONFIG={kubeconfig}: {done.stderr.strip()}")
    config: dict[str, Any] = json.loads(done.stdout)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    return Access(
        kubeconfig=kubeconfig,
        url=cluster["server"],
        ca=_written(home / "ca.crt", cluster.get("certificate-authority-data")),
        certificate=_written(home / "client.crt", user.get("client-certificate-data")),
        key=_written(home / "client.key", user.get("client-key-data")),
        token=user.get("token"),
        kubectl_program=kubectl_program,
    )


def define(server: Access, *files: Path) -> None:
    """Installs definitions, ours if none are named, whatever was there, and waits until they are served."""
    named = [text for file in files or (CRDS,) for text in ("-f", str(file))]
    server.kubectl("apply", "--server-side", "--force-conflicts", *named)
    deadline = time.monotonic() + _PATIENCE
    while True:
        told: dict[str, Any] = json.loads(server.kubectl("get", *named, "-o", "json"))
        if all(is_established(definition) for definition in told.get("items", [told])):
            return
        if time.monotonic() > deadline:
            raise ServerError(f"not served within {_PATIENCE:g} s: {' '.join(named)}")
        time.sleep(_LOOK)


def is_established(definition: dict[str, Any]) -> bool:
    """Whether a definition is served; `kubectl wait` gives up while its conditions are null, as they are at first."""
    conditions = definition.get("status", {}).get("conditions") or ()
    return any((told["type"], told["status"]) == ("Established", "True") for told in conditions)


def write_kubeconfig(path: Path, url: str, ca: Path | None, client: tuple[Path, Path] | str) -> None:
    """Writes a kubeconfig with a client's certificate and key, or its token; JSON is YAML too."""
    token = isinstance(client, str)
    user = {"token": client} if token else {"client-certificate": str(client[0]), "client-key": str(client[1])}
    cluster = {"server": url} | ({"certificate-authority": str(ca)} if ca else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "dev", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "admin"}}],
        "current-context": "dev",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config, indent=2), encoding="utf-8")


def _written(path: Path, encoded: str | None) -> Path | None:
    if encoded is None:
        return None
    path.touch(mode=0o600)
    path.write_bytes(base64.b64decode(encoded))
    return path
