"""What `-o json` prints: fields may be added, but none is renamed, removed or given another meaning."""

from __future__ import annotations

from enum import StrEnum

from litellm_key_operator.api.common import Model, Timestamp


class Found(StrEnum):
    """Whether an object could be read."""

    READ = "Read"
    ABSENT = "Absent"
    FORBIDDEN = "Forbidden"
    UNKNOWN = "Unknown"


class Verdict(StrEnum):
    """What is known of the key in a Secret."""

    ACCEPTED = "Accepted"
    EXPIRED = "Expired"
    BLOCKED = "Blocked"
    OVER_BUDGET = "OverBudget"
    NOT_KNOWN = "NotKnown"
    REFUSED = "Refused"
    UNREACHABLE = "Unreachable"
    NO_SECRET = "NoSecret"  # noqa: S105 - a word, not a password
    NO_KEY = "NoKey"
    FAILED = "Failed"


class Standing(StrEnum):
    """What a value is to its Key."""

    CURRENT = "Current"
    PENDING = "Pending"
    RETIRING = "Retiring"


class RetiringShape(Model):
    """A value on its way out."""

    revision: int
    """Which value it is, counted from 1."""
    token_id: str | None
    """LiteLLM's id of it, its sha256."""
    retire_at: Timestamp | None
    """When it is deleted in LiteLLM; RFC 3339."""


class KeyShape(Model):
    """One LiteLLMKey."""

    namespace: str
    """Its namespace."""
    name: str
    """Its name."""
    state: str
    """Ready, or why it is not: the reason of the condition Ready; Deleting while it goes."""
    message: str
    """What the condition that is not True says."""
    ready: str
    """Status of the condition Ready: True, False or Unknown."""
    synced: str
    """Reason of the condition Synced: UpToDate if all is as declared; empty if nothing was observed yet."""
    role: str
    """Its role, namespace/name."""
    secret: str
    """Name of its Secret."""
    revision: int | None
    """Which value the Secret holds, counted from 1; null if none was issued."""
    token_id: str | None
    """LiteLLM's id of that value, its sha256."""
    preview: str | None
    """The end of the value, to recognise it by."""
    alias: str | None
    """Its alias in LiteLLM."""
    issued_at: Timestamp | None
    """When it was issued; RFC 3339."""
    expires_at: Timestamp | None
    """When LiteLLM stops accepting it; RFC 3339, null for never (or not issued)."""
    renew_at: Timestamp | None
    """When it is renewed; RFC 3339, null for not by itself."""
    pending: int | None
    """The revision that is about to be registered."""
    retiring: tuple[RetiringShape, ...]
    """Values on their way out."""


class RoleShape(Model):
    """One LiteLLMRole with its Keys."""

    namespace: str
    """Its namespace."""
    name: str
    """Its name."""
    found: Found
    """Read, Absent, or Forbidden if you may not read it; Unknown if it cannot be read by this version."""
    state: str
    """Ready, or why it is not; empty unless it was read."""
    message: str
    """What the condition that is not True says."""
    keys_in_all: int | None
    """How many Keys name it in the whole cluster, as its status says."""
    keys: tuple[KeyShape, ...]
    """Those of the namespaces asked for."""


class ConnectionShape(Model):
    """One LiteLLMConnection with its Roles."""

    namespace: str
    """Its namespace."""
    name: str | None
    """Its name; null if neither its Roles nor their Keys could tell."""
    found: Found
    """Read, Absent, or Forbidden if you may not read it; Unknown if its name is, or this version cannot read it."""
    state: str
    """Ready, or why it is not; empty unless it was read."""
    message: str
    """What the condition that is not True says."""
    url: str | None
    """Address of the proxy; null if nobody could tell."""
    version: str | None
    """LiteLLM's version."""
    roles: tuple[RoleShape, ...]
    """Its Roles."""


class TreeShape(Model):
    """`kubectl llkey tree`."""

    namespace: str | None
    """The namespace asked for; null for all."""
    connections: tuple[ConnectionShape, ...]
    """Connections, by namespace and name."""
    unread: tuple[str, ...]
    """What could not be read, a sentence each."""


class RotationShape(Model):
    """One Key of `kubectl llkey rotate`."""

    namespace: str
    """Its namespace."""
    name: str
    """Its name."""
    asked: str | None = None
    """The new value of the annotation llmkeys.io/rotate; null if nothing was asked for."""
    before: int | None = None
    """The revision that was in the Secret."""
    revision: int | None = None
    """The revision that took over; null unless it was waited for and came."""
    token_id: str | None = None
    """LiteLLM's id of the new value; null as well."""
    error: str | None = None
    """What went wrong, for people; null if nothing did."""


class VerificationShape(Model):
    """One Key of `kubectl llkey verify`."""

    namespace: str
    """Its namespace."""
    name: str
    """Its name."""
    works: bool | None = None
    """Whether LiteLLM accepts the value in the Secret; null if nobody knows."""
    verdict: Verdict = Verdict.FAILED
    """Accepted. LiteLLM refuses it: Expired, Blocked (or its team or user), OverBudget (or its team or user), NotKnown,
    Refused for another reason. NoSecret. NoKey: nothing in the Secret is, or looks like, a key. Nobody knows:
    Unreachable; Failed: the Key or its Secret could not be read."""
    message: str = ""
    """The same for people."""
    secret: str = ""
    """Name of the Secret."""
    entry: str | None = None
    """The entry of the Secret that holds the value."""
    url: str | None = None
    """The proxy that was asked."""
    token_id: str | None = None
    """LiteLLM's id of the value in the Secret, its sha256."""
    revision: int | None = None
    """Which value it is, if it is one that the Key knows."""
    current: bool | None = None
    """Whether it is the one that the Key's status calls current."""
    told_by: str | None = None
    """Who told the fields below: LiteLLM, if the key may ask there about itself, else Status, the Key's."""
    alias: str | None = None
    """Its alias."""
    team_id: str | None = None
    """Its team."""
    user_id: str | None = None
    """Its user."""
    expires_at: Timestamp | None = None
    """When it ends; RFC 3339, null for never."""
    spend: float | None = None
    """What it has spent in its budget's window, in USD; null unless LiteLLM told."""
    max_budget: float | None = None
    """What it may spend; null for no limit, or not told."""
    models: tuple[str, ...] | None = None
    """The models that the proxy lists for it; null if it may not ask."""


class MatchShape(Model):
    """One Key that has, or had until just now, the value."""

    standing: Standing
    """Current, Pending (about to be registered) or Retiring."""
    revision: int
    """Which value of the Key it is."""
    token_id: str
    """LiteLLM's id of it, in full."""
    retire_at: Timestamp | None
    """When a retiring value ends."""
    key: KeyShape
    """The Key."""


class FindingShape(Model):
    """`kubectl llkey find`."""

    token_id: str
    """What was looked for: the id, or its beginning."""
    namespace: str | None
    """Where it was looked for; null for all namespaces."""
    matches: tuple[MatchShape, ...]
    """Whose it is; more than one only for a beginning that is not unique."""
    unread: tuple[str, ...]
    """What could not be read, a sentence each."""


class RevocationShape(Model):
    """One Key of `kubectl llkey revoke`."""

    namespace: str
    """Its namespace."""
    name: str
    """Its name."""
    uid: str | None = None
    """Its uid; null if there was none."""
    tokens: tuple[str, ...] = ()
    """LiteLLM's ids of the values that it had."""
    gone: bool = False
    """Whether the resource is gone, which it is only when none of its values works any more."""
    error: str | None = None
    """What went wrong, for people; null if nothing did."""


class RotationsShape(Model):
    """`kubectl llkey rotate`."""

    items: tuple[RotationShape, ...]
    """One for each name."""


class VerificationsShape(Model):
    """`kubectl llkey verify`."""

    items: tuple[VerificationShape, ...]
    """One for each name."""


class RevocationsShape(Model):
    """`kubectl llkey revoke`."""

    items: tuple[RevocationShape, ...]
    """One for each name."""
