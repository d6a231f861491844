"""The loop: what was observed goes into a queue, a decision is made, its steps are done, the outcome is reported."""
