"""The store: one map of keys to bytes under one counter of revisions, watchable, durable.

In: keys, bytes, expected revisions. Out: versions, pages of a snapshot, changes in order.
Never here: objects, kinds, anything that looks into a value.

    store       the contract
    history     the multi-version state, as a plain value
    watchers    who watches, and how a change reaches them
    memory      the store that dies with the process
    journaled   the store in front of a journal, and what a journal is
    sqlite      the journal in an sqlite file
    database    that file: its form and its lock
    compactor   forgets what is older than five minutes
    backup      copies of the file, and back
"""
