"""Sets of values that people may have, from none to all."""

from __future__ import annotations

from typing import Any, Final

Values = dict[str, Any]

CONNECTION: Final[Values] = {"url": "http://litellm:4000", "adminKeySecretRef": {"name": "litellm-admin"}}
ROLE: Final[Values] = {
    "apiVersion": "llmkeys.io/v1alpha1",
    "kind": "LiteLLMRole",
    "metadata": {"name": "{{ .Release.Name }}-chat"},
    "spec": {"models": ["gpt-4o-mini"], "aliasTemplate": "{{ `{{ namespace }}/{{ name }}` }}"},
}
NOTHING_IN_THE_CLUSTER: Final[Values] = {
    "crds": {"enabled": False},
    "watch": {"namespaces": ["default"]},
    "rbac": {"clusterRole": False, "aggregateToView": False, "aggregateToEdit": False, "platformRole": False},
}
"""For those who may install nothing but what is in a namespace."""

SETS: Final[dict[str, Values]] = {
    "none": {},
    "connection": {"connection": CONNECTION},
    "connection-in-full": {
        "connection": {
            **CONNECTION,
            "url": "https://litellm:4000",
            "name": "main",
            "publicURL": "https://llm.example.com/v1",
            "tls": {"caRef": {"kind": "ConfigMap", "name": "bundle", "key": "ca.crt"}},
            "timeout": "20s",
            "maxInFlight": 4,
            "sweepInterval": "30s",
        }
    },
    "some-namespaces": {"watch": {"namespaces": ["default", "kube-public"]}, "connection": CONNECTION},
    "guarded": {"admissionPolicy": {"enabled": True}},
    "guarded-in-some-namespaces": {
        "admissionPolicy": {"enabled": True},
        "watch": {"namespaces": ["default"]},
        "serviceAccount": {"create": False, "name": "theirs"},
    },
    "nothing-in-the-cluster": NOTHING_IN_THE_CLUSTER,
    "two-replicas": {
        "replicaCount": 2,
        "podDisruptionBudget": {"enabled": True, "minAvailable": "50%"},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        ],
        "priorityClassName": "system-cluster-critical",
        "affinity": {"nodeAffinity": {}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"operator": "Exists"}],
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
    },
    "alone": {"leaderElection": {"enabled": False}, "metrics": {"enabled": False}},
    "others-rights": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "theirs"}},
    "closed-off": {
        "networkPolicy": {
            "enabled": True,
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [{"port": 443}]}],
        }
    },
    "with-more": {
        "commonLabels": {"team": "llm", "app.kubernetes.io/part-of": "platform"},
        "crds": {"keep": False, "annotations": {"example.com/owner": "llm"}},
        "image": {"digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"annotations": {"example.com/owner": "llm"}},
        "extraArgs": ["--retry-max=1m"],
        "extraEnv": [{"name": "SSL_CERT_FILE", "value": "/etc/ca/ca.crt"}],
        "extraVolumes": [{"name": "ca", "configMap": {"name": "bundle"}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca", "readOnly": True}],
        "extraObjects": [
            ROLE,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"of": "{{ .Release.Name }}"}},
        ],
        "podLabels": {"team": "another", "app.kubernetes.io/version": "none"},
        "podAnnotations": {"example.com/owner": "llm"},
        "metrics": {"port": 9090, "service": {"labels": {"scrape": "yes"}, "annotations": {"example.com/a": "b"}}},
    },
    "long-names": {"fullnameOverride": "f" * 63, "nameOverride": "n" * 63, "connection": CONNECTION},
}
