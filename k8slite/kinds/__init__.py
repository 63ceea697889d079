"""The dictionary: what each built-in kind is called, how it behaves and how it prints.

In: plain dicts that a client sent or the store holds. Out: the same with defaults, complaints,
table cells; and, for components, frozen models of the fields that they read. Never here: trio,
the store, anything that waits; what all kinds share is in `objects`.

    kind        what there is to say about a kind
    table       all kinds of a Kubernetes version, looked up by group, version and resource
    core, apps, ...   one folder a group: models, defaults, validation, columns
"""
