"""A real Prometheus that scrapes a real operator: each alert and each panel shows the state that it is made for."""

from __future__ import annotations

import math
import re
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import yaml

from dev.controlplane import Access
from dev.faultproxy import Drop, FaultProxy
from dev.forwarding import Upstream
from dev.litellm import Endpoint
from litellm_key_operator.api.reasons import ConditionType, ConnectionReason, KeyReason
from litellm_key_operator.api.renewal import RenewalPolicy
from tests.integration.conftest import opened
from tests.integration.site import SWEPT, Claim, Site
from tests.support.cluster import Json
from tests.support.prometheus import TARGET, Prometheus, panels, rules, started, variables
from tests.support.waiting import until

CASES: Final = Path(__file__).with_name("alerts.yaml")
BY_PROMETHEUS: Final = TARGET.keys() - {"namespace", "endpoint"} | {"job", "instance", "pod"}
"""Labels that no metric of ours has; those taken out are of a metric or of the target."""
VALUES: Final[dict[str, set[str]]] = {
    "condition": set(ConditionType),
    "status": {"True", "False", "Unknown"},
    "reason": {*KeyReason, *ConnectionReason},
    "renewal": {*RenewalPolicy, ""},
}
DOWN: Final = "down"
"""Name of the Connection whose proxy goes away."""


@dataclass(frozen=True)
class Watched:
    """A site in which everything that is to be noticed has happened, and what noticed it."""

    site: Site
    prometheus: Prometheus
    claims: dict[str, Claim]

    def ever(self, expression: str) -> list[tuple[dict[str, str], list[float]]]:
        """What an expression has answered so far: labels, and figures that are numbers."""
        found = [
            (one["metric"], [float(value) for _, value in one["values"]]) for one in self.prometheus.history(expression)
        ]
        return [(labels, numbers) for labels, values in found if (numbers := [n for n in values if not math.isnan(n)])]


@pytest.fixture(scope="module")
def watched(
    crds: Access, litellm: Endpoint, prometheus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with (
        opened(crds, litellm, folder) as site,
        started(prometheus, folder) as scraper,
        FaultProxy(Upstream(litellm.url)) as proxy,
    ):
        site.start().wait_ready()
        scraper.scrape(site.operator.port)
        # What is counted before the first scrape is no increase for Prometheus.
        until(lambda: scraper.query("up == 1"), "the first scrape")
        yield Watched(site, scraper, happened(site, proxy))


def happened(site: Site, proxy: FaultProxy) -> dict[str, Claim]:
    """Each state that an alert or a panel is made for; those that last are there when it answers."""
    site.connection(DOWN, url=proxy.url)
    site.role("plain")
    site.role("swept", connectionRef={"name": SWEPT}, limits={"rpm": 100})
    site.role("down", connectionRef={"name": DOWN})
    site.role("extended", ttl="20s", maxTTL="1h", renewal={"policy": "Extend", "before": "10s"})
    site.role("brief", ttl="60s", renewal={"before": "45s"})
    # Paused, it is not renewed, and so it ends.
    claims = {"late": site.claim("late", "brief").wait()}
    claims["late"].annotate(paused="true")
    claims |= {name: site.claim(name, role) for name, role in _ROLES.items()}
    claims["over"] = site.claim("over", "plain", ttl="5s", renewal={"policy": "None"})
    for name in _ROLES.keys() - {"waiting"}:
        claims[name].wait()
    claims["rotated"].annotate(rotate="now")
    claims["deleted"].delete()
    site.admin.update(claims["drifted"].token_id, rpm_limit=7)
    proxy.on("*", "", Drop(), nth=None)
    claims["stuck"].delete()
    claims["stuck"].wait("RevocationBlocked", "RevocationBlocked")
    claims["over"].wait("Expired", "Expired")
    claims["deleted"].wait_gone()
    until(lambda: claims["rotated"].status.get("revision") == 2, "a rotation")
    for name in ("issued", "rotated", "extended", "revoked", "drift_repaired"):
        until(partial(site.operator.metric, f"litellm_key_{name}_total", result="success"), name)
    claims["late"].wait("Expired", "Expired")
    return claims


_ROLES: Final = {
    "fine": "plain",
    "rotated": "plain",
    "deleted": "plain",
    "drifted": "swept",
    "extended": "extended",
    "stuck": "down",
    "waiting": "absent",
}
"""Claims by name, and their roles."""

FIRING: Final = {
    "LiteLLMKeyNotReady": {"waiting"},
    "LiteLLMKeyExpired": {"late"},
    "LiteLLMKeyRevocationBlocked": {DOWN},
    "LiteLLMKeyConnectionDown": {DOWN},
}
"""What the alerts are about that go on until somebody does something."""
REST: Final = {"LiteLLMKeyExpiresSoon", "LiteLLMKeyNoLeader"}
EXPRESSIONS: Final = {rule["alert"]: rule["expr"] for rule in rules()}


VARIABLES: Final = {"$namespace": ".*", "$connection": ".*", "$__rate_interval": "15s"}
"""What Grafana puts for them with everything selected; the last follows from the time between scrapes."""
QUERIES: Final = [
    (f"{panel['title']}-{target['refId']}", re.sub(r"\$\w+", lambda match: VARIABLES[match[0]], target["expr"]))
    for panel in panels()
    for target in panel["targets"]
]


def named(elements: list[Json]) -> set[str]:
    """The Keys and Connections that an alert is about."""
    metrics = [element["metric"] for element in elements]
    return {metric.get("name") or metric["connection"].rpartition("/")[2] for metric in metrics}


def test_no_alert_is_left_out() -> None:
    assert FIRING.keys() | REST == EXPRESSIONS.keys()


@pytest.mark.slow
@pytest.mark.parametrize("alert", FIRING)
def test_an_alert_is_about_what_is_wrong_and_nothing_else(watched: Watched, alert: str) -> None:
    query = watched.prometheus.query
    until(lambda: named(query(EXPRESSIONS[alert])) == FIRING[alert], f"{alert} about {FIRING[alert]}")
    assert {labels for labels in query(EXPRESSIONS[alert])[0]["metric"] if labels in BY_PROMETHEUS} == set()


@pytest.mark.slow
def test_a_key_that_is_not_renewed_is_told_before_its_end_and_no_other(watched: Watched) -> None:
    told = {labels["name"]: seconds for labels, seconds in watched.ever(EXPRESSIONS["LiteLLMKeyExpiresSoon"])}
    assert told.keys() == {"late"}
    # It is to be renewed 45 s before its end, or at most a tenth earlier; a third of that is left.
    assert 10 < max(told["late"]) < 17


@pytest.mark.slow
def test_what_an_alert_says_names_the_reason(watched: Watched) -> None:
    health = {rule["name"]: rule["health"] for rule in watched.prometheus.get("rules")["groups"][0]["rules"]}
    assert health == dict.fromkeys(EXPRESSIONS, "ok")

    def raised() -> dict[str, Json]:
        return {alert["labels"]["alertname"]: alert for alert in watched.prometheus.get("alerts")["alerts"]}

    until(lambda: raised().keys() >= FIRING.keys(), "the alerts to be pending or firing")
    for name, alert in raised().items():
        text = " ".join(alert["annotations"].values())
        assert "<error" not in text, text
        assert "<no value>" not in text, text
        assert "no reason is told" not in text, f"{name}: {text}"
    assert "RoleNotFound" in raised()["LiteLLMKeyNotReady"]["annotations"]["description"]
    assert "Unreachable" in raised()["LiteLLMKeyConnectionDown"]["annotations"]["description"]
    assert raised()["LiteLLMKeyExpired"]["state"] == "firing"


@pytest.mark.slow
@pytest.mark.parametrize(("title", "expression"), QUERIES, ids=[title for title, _ in QUERIES])
def test_a_panel_shows_something(watched: Watched, title: str, expression: str) -> None:
    found = watched.ever(expression)
    assert found, f"{title} shows nothing: {expression}"
    if "vector(0)" in expression:
        assert any(max(values) > 0 for _, values in found), f"{title} has never been more than nothing"


@pytest.mark.slow
def test_the_legends_and_variables_of_the_dashboard_are_labels_that_exist(watched: Watched) -> None:
    for (title, expression), target in zip(QUERIES, (t for panel in panels() for t in panel["targets"]), strict=True):
        for label in re.findall(r"{{(\w+)}}", target["legendFormat"]):
            assert any(label in labels for labels, _ in watched.ever(expression)), (title, label)
    for variable in variables():
        found = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
        assert found is not None
        assert any(one.get(found[2]) for one in watched.prometheus.series(found[1])), variable["name"]


@pytest.mark.slow
def test_the_cases_of_the_alerts_have_series_as_the_operator_exports_them(watched: Watched) -> None:
    cases = yaml.safe_load(CASES.read_text(encoding="utf-8"))["tests"]
    for text in (series["series"] for case in cases for series in case["input_series"]):
        name, _, rest = text.partition("{")
        labels = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        real = watched.prometheus.series(name)
        assert any(labels.keys() == one.keys() - {"__name__"} for one in real), f"{text} is not like {real[:1]}"
        for label, allowed in VALUES.items():
            assert label not in labels or labels[label] in allowed, text


@pytest.mark.slow
def test_that_nobody_leads_is_told_of_a_standby_and_of_nobody(
    crds: Access, litellm: Endpoint, prometheus: Path, tmp_path: Path
) -> None:
    expression = EXPRESSIONS["LiteLLMKeyNoLeader"]
    with opened(crds, litellm, tmp_path) as site, started(prometheus, tmp_path) as scraper:
        until(lambda: scraper.query(expression), "that nothing is scraped")
        leader = site.start(leader_election="true").wait_ready()
        scraper.scrape(leader.port)
        until(lambda: not scraper.query(expression), "the leader to be seen")
        standby = site.start(leader_election="true").wait_standby()
        scraper.scrape(standby.port)
        until(
            lambda: scraper.labels(expression, "namespace") == {(TARGET["namespace"],)}, "that only a standby is there"
        )
        scraper.scrape(leader.port, standby.port)
        until(lambda: not scraper.query(expression), "the leader beside the standby")
