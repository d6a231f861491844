"""`LiteLLMConnection`: where a LiteLLM proxy is and which Secret opens it."""

from enum import StrEnum
from typing import Annotated, Final, TypeAlias

from pydantic import ConfigDict, Field

from litellm_key_operator.api.common import (
    CONDITIONS,
    NOT_SEEN,
    Condition,
    EntryName,
    Model,
    ObjectName,
    Resource,
    Timestamp,
)
from litellm_key_operator.api.duration import Duration, at_least, at_most
from litellm_key_operator.api.rules import ADDRESS, checked, immutable

_USER_INFO: Final = (
    "!self.matches('^[^/]*//[^/?#]*@')",
    "must not carry user information (user:password@); the credential belongs into adminKeySecretRef",
)
_QUERY: Final = ("!self.matches('[?#]')", "must carry neither query (?) nor fragment (#); a path prefix is allowed")

Url: TypeAlias = Annotated[str, Field(pattern=ADDRESS, max_length=2048)]
"""Address of a proxy: http or https, no user information, a path prefix at most."""


class SecretKeyRef(Model):
    """One entry of a Secret in the same namespace."""

    name: ObjectName
    """Name of the Secret."""
    key: EntryName = "master-key"
    """Entry of the Secret. Default: master-key."""


class CAKind(StrEnum):
    """What a CA bundle is kept in."""

    CONFIG_MAP = "ConfigMap"
    SECRET = "Secret"  # noqa: S105 - a kind, not a password


class CARef(Model):
    """One entry of a ConfigMap or Secret in the same namespace that holds certificates in PEM."""

    kind: CAKind
    """What the certificates are kept in: ConfigMap or Secret."""
    name: ObjectName
    """Name of the ConfigMap or Secret."""
    key: EntryName = "ca.crt"
    """Entry that holds the certificates, in PEM. Default: ca.crt."""


class TLS(Model):
    """Whom to trust as the proxy."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            (
                "!(has(self.caRef) && has(self.insecureSkipVerify) && self.insecureSkipVerify)",
                "caRef and insecureSkipVerify: true exclude each other",
            )
        )
    )

    ca_ref: CARef | None = None
    """Certificates to trust, in the same namespace. Absent: those of the operator's image."""
    insecure_skip_verify: bool = False
    """Trust any certificate. Default: false. For experiments: whoever is in between gets the admin credential."""


class ConnectionSpec(Model):
    """Where the proxy is, and how to talk to it."""

    model_config = ConfigDict(
        json_schema_extra=checked(
            ("!has(self.tls) || self.url.startsWith('https://')", "tls needs an https:// address in url")
        )
    )

    url: Annotated[
        Url,
        Field(
            json_schema_extra=checked(
                immutable("delete the Keys of this Connection first, or make another Connection"), _USER_INFO, _QUERY
            )
        ),
    ]
    """Address of the proxy: http:// or https://, without user information, query and fragment; a path prefix is
    allowed. Immutable. The credential goes nowhere else: redirects are not followed."""
    public_url: Annotated[Url | None, Field(json_schema_extra=checked(_USER_INFO, _QUERY))] = None
    """Address that is written into Secrets, if workloads reach the proxy elsewhere; same form as url.
    Default: url."""
    admin_key_secret_ref: SecretKeyRef
    """Secret with the credential, in the same namespace: the master key or, better, a virtual key of an admin user.
    A change takes effect within 30 seconds."""
    tls: TLS | None = None
    """Whom to trust as the proxy. Absent: the certificate authorities of the operator's image."""
    timeout: Annotated[Duration, Field(json_schema_extra=checked(at_least("1s"), at_most("25s")))] = Duration("15s")
    """Longest time for one call as a whole, 1s to 25s. Default: 15s."""
    max_in_flight: Annotated[int, Field(ge=1, le=256)] = 8
    """Calls at the same time, 1 to 256. Default: 8, where one worker of the proxy is fastest."""
    sweep_interval: Annotated[Duration, Field(json_schema_extra=checked(at_least("10s")))] = Duration("10m")
    """How often every key is compared with LiteLLM, at least 10s. Default: 10m."""


class CustomKeys(StrEnum):
    """Whether the proxy accepts key values chosen by its callers."""

    ALLOWED = "Allowed"
    FORBIDDEN = "Forbidden"


class ConnectionStatus(Model):
    """What was seen of the proxy."""

    conditions: Annotated[tuple[Condition, ...], Field(json_schema_extra=CONDITIONS)] = ()
    """Ready: the proxy answers and the credential may manage keys."""
    version: str | None = None
    """LiteLLM's version, as the proxy tells it."""
    custom_keys: CustomKeys | None = None
    """Whether the proxy accepts key values chosen by its callers: Allowed or Forbidden."""
    keys: int | None = None
    """How many Keys live behind this Connection."""
    last_sweep_time: Timestamp | None = None
    """When every key was last compared with LiteLLM; RFC 3339."""
    observed_generation: int | None = None
    """The metadata.generation that this status is about; -1 before the operator has looked at it."""


class LiteLLMConnection(Resource):
    """Where a LiteLLM proxy is and which Secret opens it."""

    spec: ConnectionSpec
    """Where the proxy is, and how to talk to it."""
    status: ConnectionStatus = ConnectionStatus(observed_generation=NOT_SEEN)
    """What was seen of the proxy; written by the operator."""
