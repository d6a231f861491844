"""The real LiteLLM proxy on a real PostgreSQL."""

from dev.litellm.install import Release
from dev.litellm.proxy import Endpoint, Proxy, started

__all__ = ["Endpoint", "Proxy", "Release", "started"]
