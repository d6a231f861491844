"""The real LiteLLM proxy on a real PostgreSQL."""

from dev.litellm.proxy import Proxy, started

__all__ = ["Proxy", "started"]
