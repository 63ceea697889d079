"""The client side: how components talk to an API, through a Handler and nothing else.

In: names, objects, a Handler (in this process or behind a socket). Out: objects, API errors,
mirrors of kinds kept by list and watch, work queues, events. Never here: the API server, the
store.

    client      requests
    resource    which resource a request is about
"""
