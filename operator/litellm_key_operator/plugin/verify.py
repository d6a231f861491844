"""`kubectl llkey verify`: what LiteLLM says to the values in Secrets, each of which is sent there and shown nowhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.key import LiteLLMKey
from litellm_key_operator.api.names import KEY
from litellm_key_operator.cluster.answers import Json
from litellm_key_operator.cluster.client import Client
from litellm_key_operator.cluster.paths import SECRETS
from litellm_key_operator.domain.errors import Gone, NotPermitted, Unavailable
from litellm_key_operator.domain.record import record
from litellm_key_operator.plugin.asking import Answer, ask
from litellm_key_operator.plugin.commandline import Asked
from litellm_key_operator.plugin.contents import Held, address, held
from litellm_key_operator.plugin.exits import Exit, Failure
from litellm_key_operator.plugin.forest import key_shape
from litellm_key_operator.plugin.lot import Lot
from litellm_key_operator.plugin.moments import relative
from litellm_key_operator.plugin.reading import Reader
from litellm_key_operator.plugin.screen import Cell, Screen
from litellm_key_operator.plugin.shapes import Verdict, VerificationShape, VerificationsShape

HEADER = ("KEY", "WORKS", "VERDICT", "REVISION", "EXPIRES", "AS", "NOTE")
_WORKS = {Verdict.ACCEPTED: True, Verdict.UNREACHABLE: None, Verdict.FAILED: None}
_CODES = {Verdict.ACCEPTED: Exit.DONE, Verdict.UNREACHABLE: Exit.UNKNOWN, Verdict.NO_SECRET: Exit.ABSENT}


async def run(asked: Asked, client: Client, namespace: str, screen: Screen) -> Exit:
    """Ask for each, one after the other."""
    reader, ca = Reader(client), _certificates(asked.ca_file)
    lot = Lot([VerificationShape(namespace=namespace, name=name) for name in asked.names], told_in="message")

    async def verify(item: VerificationShape) -> VerificationShape:
        return await _verify(reader, client, item, asked.url, ca)

    await lot.each(verify)
    if screen.machine:
        screen.answer(VerificationsShape(items=lot.items))
    else:
        screen.table(HEADER, [_row(item, datetime.now(UTC)) for item in lot.items])
    known = (_CODES.get(item.verdict, Exit.NO) for item in lot.items if item.verdict is not Verdict.FAILED)
    return max(lot.exit_code, *known, Exit.DONE)


def _certificates(file: str | None) -> str | None:
    try:
        return None if file is None else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(Exit.USAGE, f"--ca-file cannot be read: {error}") from None


async def _verify(
    reader: Reader, client: Client, item: VerificationShape, url: str | None, ca: str | None
) -> VerificationShape:
    """One Key. Raises OutsideError, Failure."""
    key = await reader.key(item.namespace, item.name)
    name = key_shape(key).secret
    item = item.model_copy(update={"secret": name})
    secret = await _secret(client, item.namespace, name)
    if secret is None:
        return _with(item, Verdict.NO_SECRET, f"there is no Secret {name} ({_why(key)})")
    if key.metadata.uid not in {owner["uid"] for owner in secret["metadata"].get("ownerReferences", ())}:
        return _with(item, Verdict.NO_SECRET, f"Secret {name} belongs to somebody else; nothing in it was looked at")
    found = held(secret, [revision.token_id for revision in record(key).known])
    if found is None:
        return _with(item, Verdict.NO_KEY, f"nothing in Secret {name} is a value of this {KEY.kind}, or looks like one")
    where = url or address(key, secret)
    if where is None:
        raise Failure(Exit.UNKNOWN, "neither Secret nor status tells where LiteLLM is: say it by --url")
    item = item.model_copy(update=_identity(key, found, where))
    try:
        answer = await ask(where, found.value, ca)
    except Unavailable as error:
        hint = "" if url else "; from outside of the cluster, forward a port and name it by --url"
        return _with(item, Verdict.UNREACHABLE, f"{where}: {error}{hint}")
    return _with(item.model_copy(update=_details(key, found, answer)), answer.verdict, _message(item, answer))


async def _secret(client: Client, namespace: str, name: str) -> Json | None:
    try:
        return await client.get(SECRETS.of(namespace, name))
    except Gone:
        return None
    except NotPermitted as error:
        raise Failure(Exit.REFUSED, f"you may not read Secret {namespace}/{name}: {error}") from None


def _identity(key: LiteLLMKey, found: Held, url: str) -> dict[str, object]:
    token = found.value.token_id
    revision = next((revision.number for revision in record(key).known if revision.token_id == token), None)
    return {
        "entry": found.entry,
        "url": url,
        "token_id": token,
        "revision": revision,
        "current": token == key.status.token_id,
    }


def _details(key: LiteLLMKey, found: Held, answer: Answer) -> dict[str, object]:
    """As whom and until when, by LiteLLM if it tells, else by the status if that is about this value."""
    models: dict[str, object] = {"models": answer.models}
    row = answer.row
    if row is not None:
        told = {name: row.fields.get(field) for name, field in _FIELDS.items()}
        return {**models, **told, "told_by": "LiteLLM", "alias": row.alias, "expires_at": row.expires}
    if found.value.token_id != key.status.token_id:
        return models
    applied = key.status.applied or {}
    return {
        **models,
        "told_by": "Status",
        "alias": key.status.key_alias,
        "team_id": applied.get("team_id"),
        "user_id": applied.get("user_id"),
        "expires_at": key.status.expires_at,
    }


_FIELDS = {"team_id": "team_id", "user_id": "user_id", "spend": "spend", "max_budget": "max_budget"}


def _message(item: VerificationShape, answer: Answer) -> str:
    stale = f"; the Secret does not hold the present value of the {KEY.kind}" if item.current is False else ""
    return answer.message + stale


def _with(item: VerificationShape, verdict: Verdict, message: str) -> VerificationShape:
    return item.model_copy(update={"verdict": verdict, "works": _WORKS.get(verdict, False), "message": message})


def _why(key: LiteLLMKey) -> str:
    shape = key_shape(key)
    return ": ".join(filter(None, (shape.state, shape.message)))


def _row(item: VerificationShape, now: datetime) -> list[Cell]:
    works, tone = {True: ("yes", "green"), False: ("no", "red"), None: ("unknown", "yellow")}[item.works]
    known = item.told_by is not None
    expires = f"{relative(item.expires_at, now)} ({rfc3339(item.expires_at)})" if item.expires_at else "never"
    identity = [("alias", item.alias), ("team", item.team_id), ("user", item.user_id)]
    spent = f"spent {item.spend:.4g} of {item.max_budget:g} USD" if item.spend is not None and item.max_budget else ""
    return [
        Cell(f"{item.namespace}/{item.name}", "bold"),
        Cell(works, tone),
        Cell(item.verdict, tone),
        Cell("-" if item.revision is None else str(item.revision)),
        Cell(expires if known else "-"),
        Cell(", ".join(f"{name} {text}" for name, text in identity if text) or "-"),
        Cell("; ".join(filter(None, (item.message, spent))), "dim"),
    ]
