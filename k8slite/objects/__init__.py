"""The grammar: what every Kubernetes object has in common, as pure functions and values.

In: plain dicts, bytes and strings. Out: the same, or a frozen value. Never here: trio, time,
chance, a kind's own rules (those are in `kinds`), anything that waits.

    errors      API errors, named as their Status reason
    meta        names, times, owner references, conditions
    codec       JSON in and out, and the stored form of an object
    cel         expressions, as Kubernetes has them
    resource    a resource's group, version, kind and paths
"""
