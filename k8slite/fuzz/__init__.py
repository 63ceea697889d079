"""The search for the run in which a controller breaks.

In: a scenario, a budget. Out: a finding: the fewest faults that break it, to be played again. Never
here: what a run is (that is `sim`).

    workers     runs in forked processes, each from a cluster that has started already
    plans       which plans are worth trying, in which order
    search      reference run, single faults, time travel, chance; then the shrinking
    replay      findings in files
    naming      scenarios by "module:name"
"""
