"""A Kubernetes operator that hands out LiteLLM virtual keys as Secrets, with a time to live."""
