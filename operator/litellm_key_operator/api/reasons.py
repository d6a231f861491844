"""Condition types, condition reasons and event reasons: what people alert on, so each is said once, here."""

from enum import StrEnum


class ConditionType(StrEnum):
    """What a condition is about; all have positive polarity."""

    READY = "Ready"
    """The object does what it is for: on a Key, the Secret holds a key that LiteLLM accepts."""
    SYNCED = "Synced"
    """On a Key: LiteLLM and the Secret hold what is declared."""
    MODELS_RESOLVED = "ModelsResolved"
    """On a Role: the proxy knows every model that it names."""


class ConnectionReason(StrEnum):
    """Why a Connection is ready or not."""

    CONNECTED = "Connected"
    """The proxy answers, the credential may manage keys."""
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason, not a password
    """The credential's Secret, the CA's object or the entry in it does not exist."""
    BAD_CREDENTIAL = "BadCredential"
    """The proxy does not know the credential (401)."""
    FORBIDDEN = "Forbidden"
    """The proxy knows the credential, which may not manage keys (403)."""
    CUSTOM_KEYS_FORBIDDEN = "CustomKeysForbidden"
    """The proxy does not accept values chosen by its callers, which this version needs."""
    UNREACHABLE = "Unreachable"
    """No answer, or an answer that is not LiteLLM's."""
    TLS_ERROR = "TLSError"
    """The proxy's certificate is not trusted, or is for another name."""
    NO_DATABASE = "NoDatabase"
    """The proxy runs without a database, so that it cannot keep keys."""
    UNSUPPORTED_VERSION = "UnsupportedVersion"
    """The proxy is older than what the operator can be safe with."""


class RoleReason(StrEnum):
    """Why a Role is ready or not, and whether its models are known."""

    AVAILABLE = "Available"
    """Keys can be asked for."""
    INVALID_SPEC = "InvalidSpec"
    """The spec contradicts itself, or LiteLLM knows no team, user or budget of that name."""
    CONNECTION_NOT_FOUND = "ConnectionNotFound"
    """There is no Connection of that name in the Role's namespace."""
    CONNECTION_NOT_READY = "ConnectionNotReady"
    """The Connection exists and is not ready; its own condition says why."""
    RESOLVED = "Resolved"
    """The proxy knows every model that the role names."""
    UNKNOWN_MODELS = "UnknownModels"
    """The proxy does not know some of the models; keys are issued all the same."""
    UNCHECKED = "Unchecked"
    """The proxy's models could not be listed."""


class KeyReason(StrEnum):
    """Why a Key is ready and synced, or not."""

    ISSUED = "Issued"
    """The Secret holds a key that LiteLLM accepts."""
    UP_TO_DATE = "UpToDate"
    """LiteLLM and the Secret hold what is declared."""
    PENDING = "Pending"
    """The first issue is under way."""
    ROLE_NOT_FOUND = "RoleNotFound"
    """There is no Role of that name."""
    ROLE_NOT_READY = "RoleNotReady"
    """The Role exists and is not ready; its own condition says why."""
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    """The Role does not admit claims from this namespace."""
    INVALID_SPEC = "InvalidSpec"
    """The claim asks for what cannot be had; the message names field, asked value and ceiling."""
    CONNECTION_NOT_READY = "ConnectionNotReady"
    """The Connection behind the Role is missing or not ready."""
    REJECTED = "Rejected"
    """LiteLLM refuses these terms; nothing is tried again before something changes."""
    ALIAS_CONFLICT = "AliasConflict"
    """Another key, not of this resource, holds the alias in LiteLLM."""
    SECRET_CONFLICT = "SecretConflict"  # noqa: S105 - a reason, not a password
    """A Secret of that name belongs to somebody else; it is not touched."""
    SECRET_REJECTED = "SecretRejected"  # noqa: S105 - a reason, not a password
    """The API server does not take the Secret: quota, admission, or its type's own rules."""
    EXTERNALLY_BLOCKED = "ExternallyBlocked"
    """Somebody blocked the key in LiteLLM; it is not unblocked."""
    EXTERNALLY_DELETED = "ExternallyDeleted"
    """Somebody deleted the key in LiteLLM; a new revision follows."""
    EXPIRED = "Expired"
    """The TTL is over: the key is deleted in LiteLLM, the Secret removed."""
    REVOKING = "Revoking"
    """The resource is being deleted, its key is being revoked."""
    REVOCATION_BLOCKED = "RevocationBlocked"
    """The key cannot be revoked for now; it is tried until it is."""
    UNREACHABLE = "Unreachable"
    """LiteLLM does not answer; what is in the Secret goes on working."""
    DRIFTED = "Drifted"
    """LiteLLM holds other terms than declared, and they could not be repaired yet."""
    RENEWAL_FAILED = "RenewalFailed"
    """The key is due for renewal, which did not work yet; it works on until its TTL, and it is tried until then."""
    APPLIES_AT_NEXT_ROTATION = "AppliesAtNextRotation"
    """A change that LiteLLM cannot make to a live key, such as another TTL or another proxy."""
    PAUSED = "Paused"
    """The annotation asks for no change."""
    FOREIGN_INSTALLATION = "ForeignInstallation"
    """Another installation of the operator made this key; this one keeps its hands away."""


class EventReason(StrEnum):
    """What an Event on a Key (or a Role) tells; posted on transitions only."""

    KEY_ISSUED = "KeyIssued"
    """A key was registered and its Secret written."""
    KEY_UPDATED = "KeyUpdated"
    """New terms were written to the live key."""
    KEY_EXTENDED = "KeyExtended"
    """The live key was given a later end."""
    KEY_ROTATED = "KeyRotated"
    """A new value took over; the old one works on for the overlap."""
    OLD_KEY_RETIRED = "OldKeyRetired"
    """The old value of a rotation was deleted in LiteLLM."""
    KEY_EXPIRED = "KeyExpired"
    """The TTL was over; key and Secret are gone."""
    KEY_REVOKED = "KeyRevoked"
    """The resource was deleted; nothing of it is live any more."""
    SECRET_RESTORED = "SecretRestored"  # noqa: S105 - a reason, not a password
    """The Secret was deleted or edited and was written again, with the same key."""
    DRIFT_REPAIRED = "DriftRepaired"
    """Terms changed by hand in LiteLLM were set back."""
    ISSUE_FAILED = "IssueFailed"
    """No key could be issued."""
    UPDATE_FAILED = "UpdateFailed"
    """New terms could not be written to the live key."""
    RENEWAL_FAILED = "RenewalFailed"
    """The key is due for renewal, which did not work yet."""
    REVOCATION_BLOCKED = "RevocationBlocked"
    """A key that has to go cannot be revoked for now."""
    REVOCATION_SKIPPED = "RevocationSkipped"
    """The resource went while a token may be live; the message names the token ids."""
    SECRET_CONFLICT = "SecretConflict"  # noqa: S105 - a reason, not a password
    """The Secret's name is taken."""
    EXTERNALLY_DELETED = "ExternallyDeleted"
    """The key was deleted in LiteLLM by somebody else."""
    EXTERNALLY_BLOCKED = "ExternallyBlocked"
    """The key was blocked in LiteLLM by somebody else."""
    UNKNOWN_MODELS = "UnknownModels"
    """A Role names models that its proxy does not know."""

    @property
    def type(self) -> str:
        """Answer the Event's `type`: `Normal` or `Warning`."""
        return "Normal" if self in _NORMAL else "Warning"


_NORMAL = frozenset(
    {
        EventReason.KEY_ISSUED,
        EventReason.KEY_UPDATED,
        EventReason.KEY_EXTENDED,
        EventReason.KEY_ROTATED,
        EventReason.OLD_KEY_RETIRED,
        EventReason.KEY_EXPIRED,
        EventReason.KEY_REVOKED,
        EventReason.SECRET_RESTORED,
        EventReason.DRIFT_REPAIRED,
    }
)
