"""The servers that everything else is tested on."""

import json
import time
import urllib.request
from typing import Any

from dev.children import ServerError
from dev.controlplane import Access, ControlPlane
from dev.litellm import Endpoint, Proxy

PATIENCE = 30


def call(endpoint: Endpoint, path: str, body: object = None, key: str | None = None) -> Any:
    """LiteLLM's answer to a request with a key, the master key if none is given."""
    headers = {"Authorization": f"Bearer {key or endpoint.master_key}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{endpoint.url}{path}", data=data, headers=headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
        return json.load(answer)


def test_garbage_is_collected(control_plane: Access, namespace: str) -> None:
    owner = json.loads(control_plane.kubectl("create", "configmap", "owner", "-n", namespace, "-o", "json"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    metadata = {"name": "owned", "namespace": namespace, "ownerReferences": [reference]}
    owned = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    control_plane.kubectl("create", "-f", "-", input=json.dumps(owned))

    control_plane.kubectl("delete", "configmap", "owner", "-n", namespace)

    control_plane.kubectl("wait", "--for=delete", f"--timeout={PATIENCE}s", "secret/owned", "-n", namespace)


def test_a_virtual_key_buys_an_answer_and_is_charged(litellm: Endpoint) -> None:
    key = call(litellm, "/key/generate", {"models": ["fake-small"]})["key"]

    message = {"role": "user", "content": "hello"}
    answer = call(litellm, "/chat/completions", {"model": "fake-small", "messages": [message]}, key)

    assert answer["choices"][0]["message"]["content"] == "hello"
    deadline = time.monotonic() + PATIENCE
    while not call(litellm, f"/key/info?key={key}")["info"]["spend"]:
        assert time.monotonic() < deadline, "the spend was not written"
        time.sleep(0.2)


def test_the_api_server_keeps_its_state_over_a_restart(own_control_plane: ControlPlane) -> None:
    own_control_plane.kubectl("create", "namespace", "kept")
    own_control_plane.stop_apiserver()
    try:
        own_control_plane.kubectl("get", "namespaces", "--request-timeout=1s")
    except ServerError:
        answered = False
    else:
        answered = True
    own_control_plane.start_apiserver()

    assert not answered
    assert "kept" in own_control_plane.kubectl("get", "namespaces", "-o", "name")


def test_litellm_keeps_its_keys_over_a_restart(own_litellm: Proxy) -> None:
    token = call(own_litellm, "/key/generate", {})["token"]

    own_litellm.stop()
    own_litellm.postgres.stop()
    own_litellm.start()

    assert call(own_litellm, f"/key/info?key={token}")["info"]["status"] == "active"
    rows = own_litellm.postgres.psql(own_litellm.database, 'select count(*) from "LiteLLM_VerificationToken"')
    assert int(rows) >= 1
