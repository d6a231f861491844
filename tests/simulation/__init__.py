"""The crash simulation: the operator's core and loop over a cluster and proxies in memory, killed wherever they can be.

`world` is a state of everything, `activity` one run of one process over one resource, driven from call to call.
`users` and `accidents` are what others do, `moves` what can become of a run, `families` which of them are searched
together and how deep, by `search`. `invariants` holds after every step, `quiescence` once nothing disturbs any more,
`excuses` is what nobody can be blamed for. `mutants` are wrong versions, of which `mutation` makes a process run one.
"""
