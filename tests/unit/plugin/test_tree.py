"""What hangs on what, and how it is shown."""

from __future__ import annotations

import io

from litellm_key_operator.plugin.forest import Objects, grow, key_shape
from litellm_key_operator.plugin.screen import Screen
from litellm_key_operator.plugin.shapes import Found
from litellm_key_operator.plugin.tree import HEADER, rows
from tests.unit.plugin.objects import NOW, URL, conditions, connection, key, role

HERE = ("platform", "default")


def shown(objects: Objects) -> list[str]:
    out = io.StringIO()
    Screen(out).table(HEADER, list(rows(grow(objects), NOW)))
    return out.getvalue().splitlines()


def test_a_tree_that_could_be_read_is_shown_as_a_whole() -> None:
    retiring = [{"revision": 1, "tokenID": "cd" * 32, "retireAt": "2026-03-01T12:30:00Z"}]
    objects = Objects(
        keys=[
            key("b", retiring=retiring, pending={"revision": 3}),
            key("a"),
            key(
                "c",
                revision=None,
                tokenID=None,
                expiresAt=None,
                renewAt=None,
                conditions=conditions(Ready="QuotaExceeded: too many", Synced="QuotaExceeded: too many"),
            ),
            key("d", role="spare", expiresAt=None, renewAt=None),
        ],
        roles={("platform", "chat"): role(keys=40), ("platform", "spare"): role("spare")},
        connections={HERE: connection()},
    )
    assert shown(objects) == [
        "CONNECTION / ROLE / KEY  STATE          EXPIRES  RENEWS   REVISION  SECRET  NOTE",
        "platform/default         Ready                                              http://litellm.platform:4000",
        "├─ platform/chat         Ready                                              40 keys in all",
        "│  ├─ team-a/a           Ready          in 12d   in 2d5h  2         a",
        "│  ├─ team-a/b           Ready          in 12d   in 2d5h  2 -> 3    b       r1 ends in 30m",
        "│  └─ team-a/c           QuotaExceeded  -        -        -         c       too many",
        "└─ platform/spare        Ready",
        "   └─ team-a/d           Ready          never    -        2         d",
    ]


def test_a_key_that_works_and_is_behind_says_so() -> None:
    behind = key(conditions=conditions(Ready="Issued", Synced="Unreachable: no answer"))
    shape = key_shape(behind)
    assert (shape.state, shape.synced, shape.message) == ("Ready", "Unreachable", "no answer")
    assert "Ready, not synced" in shown(Objects(keys=[behind]))[-1]
    assert shown(Objects(keys=[behind]))[-1].endswith("Unreachable: no answer")


def test_a_key_on_its_way_out_is_not_called_ready() -> None:
    going = {"deletionTimestamp": "2026-03-01T11:00:00Z"}
    assert key_shape(key(metadata=going)).state == "Deleting"
    blocked = conditions(Ready="RevocationBlocked: no answer", Synced="RevocationBlocked: no answer")
    assert key_shape(key(metadata=going, conditions=blocked)).state == "RevocationBlocked"
    assert key_shape(key(conditions=[], revision=None)).state == "Pending"


def test_what_could_not_be_read_hangs_where_the_keys_say() -> None:
    found = {("role", ("platform", "chat")): Found.FORBIDDEN, ("connection", HERE): Found.FORBIDDEN}
    (tree,) = grow(Objects(keys=[key()], found=found))
    assert (tree.namespace, tree.name, tree.found, tree.url, tree.state) == (*HERE, Found.FORBIDDEN, URL, "")
    assert [(r.name, r.found, [k.name for k in r.keys]) for r in tree.roles] == [("chat", Found.FORBIDDEN, ["app"])]


def test_a_key_that_was_never_served_hangs_below_nothing_known() -> None:
    found = {("role", ("platform", "chat")): Found.ABSENT}
    (tree,) = grow(Objects(keys=[key(connection=None)], found=found))
    assert (tree.namespace, tree.name, tree.found, tree.url) == ("platform", None, Found.UNKNOWN, None)
    assert "(does not exist)" in shown(Objects(keys=[key(connection=None)], found=found))[2]


def test_a_connection_without_roles_and_a_role_without_keys_are_shown() -> None:
    objects = Objects(connections={HERE: connection(Ready="Unreachable: no answer")})
    line = shown(objects)[1]
    assert line.split() == ["platform/default", "Unreachable", URL, "no", "answer"]
    objects.roles = {("platform", "chat"): role()}
    assert shown(objects)[2].startswith("└─ platform/chat ")
