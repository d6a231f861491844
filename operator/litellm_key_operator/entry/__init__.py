"""The outside: the program, kopf, HTTP, and the one place that constructs."""
