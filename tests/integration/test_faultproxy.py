"""The fault proxy before the real API server: kubectl must not notice it, except where it is told to."""

import os
import subprocess

import pytest

from dev.children import ServerError
from dev.controlplane import Access
from dev.faultproxy import Answer, Hold, Moment, before_api_server


def test_kubectl_works_and_watches_through_the_proxy(control_plane: Access, namespace: str) -> None:
    with before_api_server(control_plane) as (proxy, kubeconfig):
        through = control_plane.by(kubeconfig)
        through.kubectl("create", "configmap", "seen", "-n", namespace)
        assert "seen" in through.kubectl("get", "configmaps", "-n", namespace)
        assert proxy.count("POST", f"/namespaces/{namespace}/configmaps") == 1

        control_plane.kubectl("delete", "configmap", "seen", "-n", namespace, "--wait=false")
        through.kubectl("wait", "--for=delete", "configmap/seen", "-n", namespace, "--timeout=10s")


def test_a_write_is_done_although_its_client_was_killed(control_plane: Access, namespace: str) -> None:
    with before_api_server(control_plane) as (proxy, kubeconfig):
        rule = proxy.on("POST", "/configmaps", Hold(), moment=Moment.AFTER)
        create = [str(control_plane.kubectl_program), "create", "configmap", "late", "-n", namespace]
        client = subprocess.Popen(create, env=os.environ | {"KUBECONFIG": str(kubeconfig)})
        rule.wait_reached()
        client.kill()
        client.wait()

        assert "late" in control_plane.kubectl("get", "configmaps", "-n", namespace)


def test_a_user_s_own_token_counts(control_plane: Access, namespace: str) -> None:
    control_plane.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    token = control_plane.kubectl("create", "token", "nobody", "-n", namespace).strip()
    with before_api_server(control_plane) as (proxy, kubeconfig):
        through = control_plane.by(kubeconfig)
        assert through.kubectl("get", "secrets", "-n", namespace) == ""
        with pytest.raises(ServerError, match=r"nobody.* cannot list resource"):
            through.kubectl("get", "secrets", "-n", namespace, f"--token={token}")

        proxy.on("*", "/secrets", Answer(503), nth=None)
        with pytest.raises(ServerError, match=r"Unavailable|unable to handle"):
            through.kubectl("get", "secrets", "-n", namespace)
