"""LiteLLM over HTTP: one client per Connection and credential."""
