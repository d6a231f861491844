"""Which cluster and namespace a person means: as kubectl finds them."""

from __future__ import annotations

import os
from pathlib import Path as File
from typing import Any, Final, NamedTuple

import yaml

from litellm_key_operator.cluster.client import Client, aio, login
from litellm_key_operator.domain.errors import Denied

_ACCOUNT: Final = File("/var/run/secrets/kubernetes.io/serviceaccount")


class Place(NamedTuple):
    """A cluster, and the namespace that is meant there if none is named."""

    client: Client
    namespace: str


async def connect(kubeconfig: str | None = None, context: str | None = None, *, seconds: float = 10.0) -> Place:
    """Log in by this file, else by KUBECONFIG, else by ~/.kube/config, else, if there is none, as a Pod.

    Nothing is sent to the API server yet. Raises Denied if none of them is there and good.
    """
    files = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    configuration = aio.Configuration()
    try:
        if _one_exists(files):
            namespace = await _by_file(files, context, configuration)
        elif kubeconfig or context or not (_ACCOUNT / "token").exists():
            raise Denied(f"no access to a cluster: there is no kubeconfig at {files}")
        else:
            login.load_incluster_config(client_configuration=configuration)
            namespace = (_ACCOUNT / "namespace").read_text(encoding="utf-8").strip()
    except (login.ConfigException, OSError, yaml.YAMLError) as error:
        raise Denied(f"no access to a cluster: {error}") from None
    # Unlike the operator's, this client goes by the environment's proxies, as kubectl does.
    return Place(Client(aio.ApiClient(configuration), seconds=seconds), namespace or "default")


def _one_exists(files: str) -> bool:
    return any(File(name).expanduser().is_file() for name in files.split(os.pathsep) if name)


async def _by_file(files: str, context: str | None, configuration: Any) -> str:
    try:
        loader = await login.load_kube_config(
            config_file=files, context=context, client_configuration=configuration, persist_config=False
        )
        return str(loader.current_context["context"].get("namespace") or "")
    except (AttributeError, KeyError, TypeError):
        # What the library makes of a file that is YAML and no kubeconfig.
        raise login.ConfigException(f"{files} is not a kubeconfig") from None
