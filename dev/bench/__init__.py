"""`make bench`: what the operator costs and how fast it is, against the bare servers, on servers of its own."""
