"""What the tests on a node play on: the namespaces of the examples, LiteLLM by the name that they have for it, Helm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from dev import helm
from dev.children import ServerError
from dev.controlplane import Access, binaries
from dev.litellm import Endpoint
from dev.node import images
from litellm_key_operator.api.names import API_VERSION, KEY
from tests.support.documents import ROOT
from tests.support.litellm_admin import LiteLLMAdmin
from tests.support.waiting import until

Json = dict[str, Any]

NOTHING: Final[Json] = {}
EXAMPLES: Final = ROOT / "examples"
CHART: Final = str(helm.CHART.relative_to(ROOT))
PLATFORM: Final = "llm-platform"
TEAM: Final = "team-a"
RELEASE: Final = "litellm-key-operator"
URL: Final = f"http://litellm.{PLATFORM}:4000"
ADMIN_SECRET: Final = "litellm-admin"
CLIENT: Final = Path(__file__).with_name("client.py")


@dataclass(frozen=True)
class Stage:
    """The node's API server, LiteLLM, and Helm."""

    access: Access
    admin: LiteLLMAdmin
    helm: helm.Helm

    def set(self, endpoint: Endpoint) -> None:
        """The namespaces, LiteLLM's Service, its credential, the client."""
        self.access.kubectl("apply", "-f", str(EXAMPLES / "quickstart" / "00-namespaces.yaml"))
        for namespace in (PLATFORM, TEAM):
            self.access.kubectl("wait", "--for=create", "-n", namespace, "sa/default", "--timeout=30s")
        self.apply(PLATFORM, *_service(endpoint))
        self.apply(PLATFORM, _object("v1", "Secret", ADMIN_SECRET, stringData={"master-key": endpoint.master_key}))
        self.apply(TEAM, _object("v1", "ConfigMap", "client", data={CLIENT.name: CLIENT.read_text(encoding="utf-8")}))

    def install(self, **given: Any) -> None:
        """The release, as the chart's README says, with the image of this node."""
        self.helm(
            "upgrade", "--install", RELEASE, CHART, "-n", PLATFORM, "--wait", "--timeout=120s", values=values(**given)
        )

    def uninstall(self) -> None:
        """The release goes, and with it the operator."""
        self.helm("uninstall", RELEASE, "-n", PLATFORM, "--wait", "--timeout=60s", "--ignore-not-found")

    def apply(self, namespace: str, *objects: Json) -> None:
        """Any objects."""
        self.access.kubectl("apply", "-n", namespace, "-f", "-", input=yaml.safe_dump_all(objects))

    def example(self, name: str) -> None:
        """A file of the examples, as it is."""
        self.access.kubectl("apply", "-f", str(EXAMPLES / name))

    def deploy(self, name: str) -> str:
        """A Deployment of the examples, its container running our client; answers its name."""
        deployment = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        container |= {"image": f"{images.OPERATOR}:{images.TAG}", "imagePullPolicy": "Never"}
        container["command"] = ["python", f"/client/{CLIENT.name}"]
        container.setdefault("volumeMounts", []).append({"name": "client", "mountPath": "/client"})
        spec.setdefault("volumes", []).append({"name": "client", "configMap": {"name": "client"}})
        spec["terminationGracePeriodSeconds"] = 1
        self.apply(TEAM, deployment)
        return str(deployment["metadata"]["name"])

    def get(self, kind: str, name: str, namespace: str = TEAM) -> Json:
        """An object, which must be there."""
        found: Json = json.loads(self.access.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        return found

    def all(self, kind: str, namespace: str = TEAM, selector: str = "") -> list[Json]:
        """All objects of a kind."""
        listed = self.access.kubectl("get", kind, "-n", namespace, "-l", selector, "-o", "json")
        items: list[Json] = json.loads(listed)["items"]
        return items

    def exists(self, kind: str, name: str, namespace: str = TEAM) -> bool:
        """Whether there is such an object."""
        return bool(self.access.kubectl("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "name"))

    def wait_ready(self, *keys: str) -> None:
        """Wait until these Keys are issued."""
        named = [f"litellmkeys/{key}" for key in keys]
        self.access.kubectl("wait", "--for=condition=Ready", *named, "-n", TEAM, "--timeout=90s")

    def wait_gone(self, kind: str, *names: str) -> None:
        """Wait until these objects are gone."""
        until(lambda: not any(self.exists(kind, name) for name in names), f"{kind} {', '.join(names)} to go")

    def token(self, key: str) -> str:
        """LiteLLM's id of what a Key holds."""
        return str(self.get("litellmkey", key)["status"]["tokenID"])

    def pod(self, app: str) -> Json:
        """The one Pod of a Deployment."""
        (pod,) = until(lambda: self.all("pods", selector=f"app={app}"), f"a Pod of {app}")
        found: Json = pod
        return found

    def waits_for(self, app: str) -> str:
        """Why its container does not run; nothing if it does."""
        states = [status["state"] for status in self.pod(app)["status"].get("containerStatuses", ())]
        return "".join(state["waiting"]["reason"] for state in states if "waiting" in state)

    def said(self, app: str) -> list[Json]:
        """What the client of a Deployment's Pod has printed."""
        if self.pod(app)["status"]["phase"] != "Running":
            return []
        lines = self.access.kubectl("logs", f"deployment/{app}", "-n", TEAM).splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def answered(self, app: str) -> int:
        """How many completions it had."""
        return max((line["answered"] for line in self.said(app) if "answered" in line), default=0)

    def shell(self, **more: str) -> dict[str, str]:
        """The environment of somebody at a shell who has Helm and kubectl."""
        programs = (binaries.helm().parent, self.access.kubectl_program.parent)
        told = {
            "KUBECONFIG": str(self.access.kubeconfig),
            "LITELLM_URL": self.admin.url,
            "LITELLM_MASTER_KEY": self.admin.master_key,
            "PATH": os.pathsep.join((*map(str, programs), os.environ["PATH"])),
        }
        return os.environ | told | more

    def picture(self) -> str:
        """All of it, for somebody who wonders what went wrong."""
        looks = (
            ("get", "pods,litellm", "-A", "-o", "wide"),
            ("get", "events", "-A", "--sort-by=.lastTimestamp"),
            ("logs", "-n", TEAM, "-l", "app", "--tail=20", "--prefix"),
            ("logs", "-n", PLATFORM, f"deployment/{RELEASE}", "--all-pods", "--tail=40"),
        )
        return "\n".join(_without_error(self.access, look) for look in looks)

    def works_with(self, app: str) -> Json:
        """The line about the value that it uses by now; an empty one before the first."""
        return next((line for line in reversed(self.said(app)) if "token" in line), NOTHING)


def tag(name: str) -> None:
    """Gives the operator's image on the node another tag."""
    subprocess.run(
        ["ctr", "images", "tag", "--force", f"{images.OPERATOR}:{images.TAG}", f"{images.OPERATOR}:{name}"], check=True
    )


def claim(name: str) -> Json:
    """A Key of the examples' Role."""
    ref = {"name": "chat", "namespace": PLATFORM}
    return _object(API_VERSION, KEY.kind, name, spec={"roleRef": ref})


def values(**more: Any) -> Json:
    """What the release is installed with, and what is given besides."""
    image = {"repository": images.OPERATOR, "tag": images.TAG, "pullPolicy": "Never"}
    connection = {"url": URL, "adminKeySecretRef": {"name": ADMIN_SECRET}}
    return {"image": image, "connection": connection, **more}


def _without_error(access: Access, words: Iterable[str]) -> str:
    try:
        return access.kubectl(*words)
    except ServerError as error:
        return str(error)


def _service(endpoint: Endpoint) -> Iterable[Json]:
    """LiteLLM, which runs on the node itself, by its name in the cluster."""
    address = urlsplit(endpoint.url)
    yield _object("v1", "Service", "litellm", spec={"ports": [{"port": 4000, "targetPort": address.port}]})
    labels = {"kubernetes.io/service-name": "litellm"}
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "litellm-node", "labels": labels},
        "addressType": "IPv4",
        "ports": [{"port": address.port}],
        "endpoints": [{"addresses": [address.hostname], "conditions": {"ready": True}}],
    }


def _object(version: str, kind: str, name: str, **body: Any) -> Json:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, **body}
