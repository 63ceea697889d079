"""The imagined outside: a world that follows trio's clock and a seed.

In: a seed. Out: a World in which a run can be repeated. Never here: the operating system.

    world    time of day, chance and identifiers
"""
