"""The real LiteLLM proxy on a real PostgreSQL."""

from dev.litellm.proxy import Endpoint, Proxy, started

__all__ = ["Endpoint", "Proxy", "started"]
