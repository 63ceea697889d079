"""The imagined outside: a world that follows trio's clock and a seed.

In: a seed. Out: a run that can be repeated, bit for bit. Never here: the operating system.

    world    time of day, chance and identifiers
    run      virtual time, a seeded order of tasks, and the hash of what was committed
"""
