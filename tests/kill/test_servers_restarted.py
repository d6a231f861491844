"""The API server, and LiteLLM, end and start again while keys are issued."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import pytest

from dev.controlplane import ControlPlane
from dev.controlplane.access import define
from dev.litellm import Proxy
from tests.kill.bursts import begin_burst
from tests.kill.conftest import opened
from tests.kill.site import Site
from tests.kill.standing import await_sound, check_values
from tests.kill.stillness import await_still, look_again
from tests.support.servers import remove_namespace

NAMES: Final = [f"k{number:02}" for number in range(30)]


@pytest.fixture
def own_site(own_control_plane: ControlPlane, own_litellm: Proxy, tmp_path: Path) -> Generator[Site]:
    """A site whose servers may be ended."""
    define(own_control_plane)
    namespace = f"test-{secrets.token_hex(5)}"
    own_control_plane.kubectl("create", "namespace", namespace)
    with opened(own_control_plane, own_litellm, namespace, tmp_path) as made:
        yield made
    remove_namespace(own_control_plane, namespace)


def restart_apiserver(plane: ControlPlane, litellm: Proxy) -> None:
    del litellm
    plane.restart_apiserver()


def restart_litellm(plane: ControlPlane, litellm: Proxy) -> None:
    del plane
    litellm.stop()
    litellm.start()


@pytest.mark.slow
@pytest.mark.parametrize("restart", [restart_apiserver, restart_litellm])
def test_a_server_restarted_in_a_burst(
    own_site: Site,
    own_control_plane: ControlPlane,
    own_litellm: Proxy,
    restart: Callable[[ControlPlane, Proxy], None],
) -> None:
    operator = own_site.operator().wait_ready()
    claims = begin_burst(own_site, operator, NAMES)
    restart(own_control_plane, own_litellm)
    await_sound(own_site, claims)
    await_still(own_site, claims)
    look_again(own_site, operator, claims)
    check_values(await_sound(own_site, claims), claims)
