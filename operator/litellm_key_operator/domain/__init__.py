"""Decisions: pure, synchronous, without clock, network or randomness."""
