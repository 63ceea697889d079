"""The store: one map of keys to bytes under one counter of revisions, watchable, durable.

In: keys, bytes, expected revisions. Out: versions, pages of a snapshot, changes in order.
Never here: objects, kinds, anything that looks into a value.

    store     the contract
"""
