"""The files that containerd, the kubelet and the DNS of a node read."""

import json
from pathlib import Path
from typing import Any, Final

from dev.node.addresses import DOMAIN, NODE, PODS
from dev.node.images import PAUSE

CNI_PROGRAMS: Final = "/usr/lib/cni"
"""Where Debian has them."""


def containerd(home: Path) -> str:
    """Its configuration, as TOML."""
    # Without CAP_SYS_RESOURCE, which not even root has everywhere, no score can be set that is below one's own.
    return f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{home / "cni"}"
"""


def network() -> str:
    """How Pods are connected, for CNI: a bridge, and a route to everything by it."""
    ipam = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": ipam}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge, ports]})


def kubelet(ca: Path, serving: tuple[Path, Path]) -> str:
    """Its configuration; JSON is YAML too."""
    settings: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE,
        "authentication": {
            "x509": {"clientCAFile": str(ca)},
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "clusterDNS": [NODE],
        "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "evictionHard": {"nodefs.available": "1Mi", "imagefs.available": "1Mi", "memory.available": "50Mi"},
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,  # an image that is collected cannot be had again
        "localStorageCapacityIsolation": False,
        "oomScoreAdj": 0,
        "resolvConf": "",
        # By default a mounted Secret follows after a minute: the tests wait for it often.
        "syncFrequency": "1s",
        "tlsCertFile": str(serving[0]),
        "tlsPrivateKeyFile": str(serving[1]),
    }
    return json.dumps(settings, indent=2)


def dns(kubeconfig: Path) -> str:
    """A Corefile for the names of Services."""
    return f"""\
{DOMAIN}:53 {{
  bind {NODE}
  errors
  kubernetes {DOMAIN} {{
    kubeconfig {kubeconfig} dev
  }}
}}
"""
