"""The Secret: what it shall be, and the next step towards it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from litellm_key_operator.api import names
from litellm_key_operator.api.common import rfc3339
from litellm_key_operator.api.reasons import KeyReason
from litellm_key_operator.api.templates import PRESETS, Preset, length, render
from litellm_key_operator.domain.loose import texts
from litellm_key_operator.domain.material import KeyValue
from litellm_key_operator.domain.picture import Seen, Trace, Want
from litellm_key_operator.domain.plan import AskSecret, Publish, Settled, Withdraw
from litellm_key_operator.domain.problem import Problem
from litellm_key_operator.domain.record import Record
from litellm_key_operator.domain.state import Manifest, Revision, SecretSeen

_LARGEST: Final = 2**20
"""Bytes of a Secret. Nothing longer is put together: a short template may name a long list of models many times."""


def deliver(want: Want, seen: Seen, record: Record) -> AskSecret | Publish | Withdraw | Settled | None:
    """The next step towards a Secret that holds `record.current`; None when all is well."""
    target = record.current
    if target is None:
        return None
    name = want.secret_name
    known = seen.secrets[name] if name in seen.secrets else _watched(seen, name)
    manifest = _manifest(want, target, record)
    if isinstance(manifest, Problem):
        return Settled.all(manifest)
    if (
        known is not None
        and _ours(want, known)
        and (_holds(known, target) if manifest is None else _as_declared(known, manifest))
    ):
        return _strays(want, seen)
    fresh = known is None and record.binding is None and seen.trace.get(target.place) is Trace.ANSWERED
    if name not in seen.secrets and not fresh:
        return AskSecret(name)
    if known is not None and not _ours(want, known):
        text = f"Secret {want.key.metadata.namespace}/{name} belongs to somebody else; it is never overwritten"
        return Settled.all(Problem(KeyReason.SECRET_CONFLICT, text))
    if manifest is None:
        return Settled.all(_unwritable(want, target))
    if known is not None and (known.immutable or known.type != manifest.type):
        return Withdraw(known)
    return Publish(target, manifest, known)


def _unwritable(want: Want, target: Revision) -> Problem:
    if want.base_url is None:
        return want.problem
    text = f"seed {target.seed} is lost, and the Secret with it; delete the Key and make it anew"
    return Problem(KeyReason.SECRET_REJECTED, text)


def withdraw(want: Want, seen: Seen, *, keep: bool = False) -> AskSecret | Withdraw | None:
    """The next step towards none of our Secrets being there; with `keep` they are left to their users."""
    watched = {secret.name for secret in seen.watched if _ours(want, secret)}
    return _remove(want, seen, watched | {want.secret_name, seen.record.binding or want.secret_name}, keep=keep)


def _strays(want: Want, seen: Seen) -> AskSecret | Withdraw | None:
    """Secrets under a name that the claim does not want any more; they go after the new one is there."""
    watched = {secret.name for secret in seen.watched if _ours(want, secret)}
    return _remove(want, seen, (watched | {seen.record.binding or want.secret_name}) - {want.secret_name}, keep=False)


def _remove(want: Want, seen: Seen, listed: Iterable[str], *, keep: bool) -> AskSecret | Withdraw | None:
    for name in sorted(listed):
        if name not in seen.secrets:
            return AskSecret(name)
        secret = seen.secrets[name]
        if secret is not None and _ours(want, secret):
            return Withdraw(secret, keep)
    return None


def _watched(seen: Seen, name: str) -> SecretSeen | None:
    return next((secret for secret in seen.watched if secret.name == name), None)


def _ours(want: Want, secret: SecretSeen) -> bool:
    """By the owner reference's uid, never by a label: anybody can write a label."""
    return secret.owner_uid == want.key.metadata.uid


def _holds(secret: SecretSeen, revision: Revision) -> bool:
    return revision.token_id in secret.hashes.values()


def _as_declared(secret: SecretSeen, manifest: Manifest) -> bool:
    """Data and type exactly, labels and annotations at least: other tools add theirs."""
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in manifest.data.items()}
    return (
        secret.hashes == hashes
        and secret.type == manifest.type
        and manifest.labels.items() <= secret.labels.items()
        and manifest.annotations.items() <= secret.annotations.items()
    )


def _manifest(want: Want, target: Revision, record: Record) -> Manifest | Problem | None:
    """The Secret as it shall be, or why it cannot be.

    None if nobody knows the value any more (its seed is lost), or the proxy's address.
    """
    value = want.material.value(target)
    if value is None or want.base_url is None:
        return None
    meta, spec = want.key.metadata, want.key.spec.secret
    templates = spec.data or PRESETS[spec.preset or Preset.DEFAULT]
    variables = _variables(want, target, record, value)
    size = sum(length(template, variables) for template in templates.values())
    if size > _LARGEST:
        text = f"spec.secret.data: comes to {size} characters, and a Secret has at most {_LARGEST} bytes"
        return Problem(KeyReason.SECRET_REJECTED, text)
    ends = {names.ANNOTATION_EXPIRES_AT: variables["expiresAt"]} if record.expires_at else {}
    return Manifest(
        namespace=meta.namespace,
        name=want.secret_name,
        owner_name=meta.name,
        owner_uid=meta.uid,
        type=spec.type,
        labels={**spec.labels, names.LABEL_MANAGED_BY: names.PROGRAM, names.LABEL_KEY: meta.name},
        annotations={
            **spec.annotations,
            names.ANNOTATION_REVISION: str(target.number),
            names.ANNOTATION_TOKEN_ID: target.token_id[:12],
            **ends,
        },
        data={name: render(template, variables) for name, template in templates.items()},
    )


def _variables(want: Want, target: Revision, record: Record, value: KeyValue) -> dict[str, str]:
    models, team = texts(record.applied.get("models")), record.applied.get("team_id")
    return {
        "key": value.reveal(),
        "baseURL": want.base_url or "",
        "alias": record.alias or "",
        "models": ",".join(models),
        "teamID": str(team or ""),
        "expiresAt": rfc3339(record.expires_at) if record.expires_at else "",
        "revision": str(target.number),
        "name": want.key.metadata.name,
        "namespace": want.key.metadata.namespace,
    }
