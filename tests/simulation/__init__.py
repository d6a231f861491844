"""The crash simulation: the operator's own core and loop over a cluster and proxies in memory, killed wherever it can be.

`world` is a state of everything, `activity` one run of one process over one resource, driven from call to call.
`events` are what others do, `moves` what can become of a run, `families` which of them are searched together and how
deep. `invariants` holds after every step, `quiescence` once nothing disturbs any more. `mutants` are wrong versions.
"""
