"""`make demo`: the operator's main job, live, on servers of its own."""
