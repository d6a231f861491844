"""A Key is applied: what it costs, what it gives, and what is said about it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.site import DEFAULT, ROLES, Site
from tests.support.litellm_admin import LARGE, SMALL, token_id
from tests.support.waiting import until

EVERY_ROLE: dict[str, Any] = {"allowedNamespaces": {"from": "All"}}


@pytest.fixture(scope="module")
def furnished(site: Site) -> Site:
    site.role("plain", **EVERY_ROLE)
    site.role(
        "rich",
        **EVERY_ROLE,
        models=[SMALL, LARGE],
        budget={"max": 20, "period": "30d", "soft": 15},
        limits={"rpm": 100, "tpm": 1000, "maxParallelRequests": 5},
        metadata={"team": "red", "nested": {"a": [1, 2]}},
        aliasTemplate="{{ cluster }}/{{ namespace }}/{{ name }}",
    )
    until(lambda: site.connection_says(DEFAULT) == ("True", "Connected"), "the connection")
    site.claim("first", "plain").wait()
    return site


def test_the_key_in_the_secret_works_for_the_models_of_the_role(furnished: Site) -> None:
    claim = furnished.claim("works", "plain", furnished.teams[0]).wait()
    value = claim.value
    assert furnished.admin.chat(value) == 200
    assert furnished.admin.chat(value, LARGE) in {401, 403}
    assert claim.data()["base-url"] == furnished.litellm.url
    assert token_id(value) == claim.token_id


def test_a_fresh_key_costs_three_writes_and_one_call(furnished: Site) -> None:
    sent_before, asked_before = len(furnished.api.requests()), len(furnished.litellm.requests())
    claim = furnished.claim("cheap", "plain", furnished.teams[0]).wait()
    claim.wait_event("KeyIssued")
    sent = [one for one in furnished.api.requests()[sent_before:] if one.method != "GET"]
    # Counts on Role and Connection are gathered over bursts and are nobody's writes in particular.
    writes = [
        (one.method, one.target.partition("?")[0].rpartition(f"/{furnished.teams[0]}/")[2])
        for one in sent
        if "/events" not in one.target and furnished.teams[0] in one.target
    ]
    assert writes == [("PATCH", "litellmkeys/cheap"), ("POST", "secrets"), ("PATCH", "litellmkeys/cheap/status")]
    asked = [one.target for one in furnished.litellm.requests()[asked_before:] if one.target.startswith("/key")]
    assert asked == ["/key/generate"]


def test_the_status_says_what_was_done(furnished: Site) -> None:
    claim = furnished.claim("told", "plain", furnished.teams[0]).wait()
    status, row = claim.status, claim.row()
    assert row is not None
    assert status["revision"] == 1
    assert status["keyAlias"] == row["key_alias"] == f"{furnished.teams[0]}/told"
    assert status["keyPreview"] == f"sk-...{claim.value[-4:]}"
    assert row["expires"].startswith(status["expiresAt"].removesuffix("Z"))
    assert status["binding"] == {"name": "told"}
    assert status["connection"] == {"namespace": furnished.home, "name": DEFAULT, "url": furnished.litellm.url}
    assert "pending" not in status
    assert not status.get("retiring")
    assert row["metadata"]["llmkeys"] == {
        "installation": claim.resource["metadata"]["annotations"]["llmkeys.io/installation"].partition("/")[0],
        "namespace": furnished.teams[0],
        "name": "told",
        "uid": claim.resource["metadata"]["uid"],
        "revision": 1,
        "role": f"{furnished.home}/plain",
    }


def test_litellm_holds_the_roles_terms_narrowed_by_the_claim(furnished: Site) -> None:
    claim = furnished.claim(
        "narrow",
        "rich",
        furnished.teams[0],
        models=[SMALL],
        ttl="30m",
        budget={"max": 5.5},
        limits={"rpm": 10},
        metadata={"cost-centre": "42"},
    ).wait()
    row = claim.row()
    assert row is not None
    told = {name: row[name] for name in ("models", "max_budget", "budget_duration", "rpm_limit", "tpm_limit")}
    assert told == {
        "models": [SMALL], "max_budget": 5.5, "budget_duration": "30d", "rpm_limit": 10, "tpm_limit": 1000,
    }  # fmt: skip
    assert row["max_parallel_requests"] == 5
    assert row["metadata"]["team"] == "red"
    assert row["metadata"]["nested"] == {"a": [1, 2]}
    assert row["metadata"]["llmkeys"]["labels"] == {"cost-centre": "42"}
    assert row["key_alias"] == f"default/{furnished.teams[0]}/narrow"
    assert furnished.admin.chat(claim.value, LARGE) in {401, 403}


@pytest.mark.parametrize(
    ("preset", "entries"),
    [
        ("OpenAI", ("OPENAI_API_KEY", "OPENAI_BASE_URL")),
        ("Anthropic", ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")),
        ("LiteLLM", ("LITELLM_API_KEY", "LITELLM_API_BASE")),
    ],
)
def test_presets_name_the_entries(furnished: Site, preset: str, entries: tuple[str, str]) -> None:
    claim = furnished.claim(f"preset-{preset.lower()}", "plain", furnished.teams[0], secret={"preset": preset}).wait()
    data = claim.data()
    assert set(data) == set(entries)
    assert furnished.admin.chat(data[entries[0]]) == 200
    assert data[entries[1]].startswith(furnished.litellm.url)


def test_templates_labels_annotations_and_type_are_as_declared(furnished: Site) -> None:
    variables = ("key", "baseURL", "alias", "models", "teamID", "expiresAt", "revision", "name", "namespace")
    template = "|".join(f"{{{{ {name} }}}}" for name in variables)
    secret = {
        "name": "own",
        "data": {"all.env": template, "verbatim": "{ } {x} }}"},
        "labels": {"example.com/a": "b"},
        "annotations": {"example.com/note": "any text, with blanks"},
        "type": "example.com/llm",
    }
    claim = furnished.claim("templated", "rich", furnished.teams[0], secret=secret).wait()
    made, status = claim.secret("own"), claim.status
    assert made is not None
    data = claim.data("own")
    key, *others = data["all.env"].split("|")
    assert token_id(key) == status["tokenID"]
    assert others == [
        furnished.litellm.url, status["keyAlias"], f"{SMALL},{LARGE}", "", status["expiresAt"], "1", "templated",
        furnished.teams[0],
    ]  # fmt: skip
    assert data["verbatim"] == "{ } {x} }}"
    assert made["type"] == "example.com/llm"
    meta = made["metadata"]
    assert meta["labels"] == {
        "example.com/a": "b",
        "app.kubernetes.io/managed-by": "litellm-key-operator",
        "llmkeys.io/key": "templated",
    }
    assert meta["annotations"] == {
        "example.com/note": "any text, with blanks",
        "llmkeys.io/revision": "1",
        "llmkeys.io/token-id": status["tokenID"][:12],
        "llmkeys.io/expires-at": status["expiresAt"],
    }
    (owner,) = meta["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (claim.resource["metadata"]["uid"], True)
    assert claim.secret() is None


def test_a_claim_without_its_role_waits_and_is_issued_when_the_role_comes(furnished: Site) -> None:
    claim = furnished.claim("early", "late", furnished.teams[0]).wait("RoleNotFound", "RoleNotFound")
    assert "finalizers" not in claim.resource["metadata"]
    furnished.role("late", **EVERY_ROLE)
    claim.wait()


def test_a_model_that_the_proxy_does_not_know_is_said_and_keys_are_issued(furnished: Site) -> None:
    furnished.role("unknown-model", models=["no-such-model"])
    furnished.claim("modelless", "unknown-model").wait()

    def resolved() -> str:
        role = furnished.at().get(ROLES, "unknown-model") or {}
        found = role.get("status", {}).get("conditions", ())
        return str(next((c["reason"] for c in found if c["type"] == "ModelsResolved"), ""))

    until(lambda: resolved() == "UnknownModels", "the role to say so")
    events = furnished.at().all("events").values()
    until(lambda: any(e["reason"] == "UnknownModels" for e in furnished.at().all("events").values()), str(events))


def test_counts_metrics_and_their_end(furnished: Site) -> None:
    operator, team = furnished.operator, furnished.teams[1]
    claim = furnished.claim("shown", "plain", team).wait()

    def shown() -> tuple[float, float]:
        ready = operator.metric(
            "litellm_key_status_condition", namespace=team, name="shown", condition="Ready", status="True"
        )
        return ready, operator.metric("litellm_key_expiration_timestamp_seconds", namespace=team, name="shown")

    until(lambda: shown()[0] == 1, "its series")
    assert shown()[1] > 0
    assert operator.metric("litellm_key_issued_total", connection=f"{furnished.home}/{DEFAULT}") >= 1
    assert operator.metric("litellm_key_time_to_ready_seconds_count") >= 1
    claim.delete()
    claim.wait_gone()
    until(lambda: shown() == (0, 0), "its series to go")
    until(lambda: operator.metric("litellm_key_revoked_total") >= 1, "the revocation to be counted")


def test_no_secret_is_anywhere_but_in_its_secret(furnished: Site) -> None:
    claims = [furnished.claim(f"secret-{n}", "plain", furnished.teams[2]).wait() for n in range(3)]
    values = [claim.value for claim in claims] + [furnished.admin.master_key]
    claims[0].annotate(paused="true")
    claims[1].delete()
    claims[1].wait_gone()
    claims[1].wait_event("KeyRevoked")
    places = {
        "the log": furnished.operator.log_file.read_text(encoding="utf-8"),
        "metrics": furnished.operator.page("/metrics")[1],
        "URLs": "\n".join(one.target for proxy in (furnished.api, furnished.litellm) for one in proxy.requests()),
        "events and status": "".join(
            furnished.access.kubectl(
                "get", "litellmkeys,litellmroles,litellmconnections,events", "-n", name, "-o", "yaml"
            )
            for name in furnished.clusters
        ),
        "writes of ours": "".join(
            json.dumps(one.target) + one.body.decode()
            for one in furnished.api.requests()
            if one.method != "GET" and "/secrets" not in one.target
        ),
    }
    found = [place for place, text in places.items() for value in values if value in text]
    assert found == []
    # What it does hold, so that the search is one.
    assert claims[0].status["keyPreview"] in places["events and status"]
