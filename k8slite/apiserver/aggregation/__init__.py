"""Aggregation: groups and versions that other API servers serve, as if this one did.

In: the APIServices that name a Service. Out: requests below their paths, passed on under the
identity of who asks; their part of discovery and OpenAPI. Never here: whether such a server is
available, which a controller finds out by asking `checking`, and writes into the APIService.

    services    which path is whose
    forwarding  one request on its way there, and its answer back
    checking    whether a server answers, and what it says that it serves
    described   that, in the form of aggregated discovery
    known       what servers have said that they serve
    merging     groups of several servers in one order
"""
