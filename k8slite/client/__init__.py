"""The client side: how components talk to an API, through a Handler and nothing else.

In: names, objects, a Handler (in this process or behind a socket). Out: objects, API errors,
mirrors of kinds kept by list and watch, work queues, events. Never here: the API server, the
store.

    client        requests
    resource      which resource a request is about
    informer      mirrors: a resource's local copy, by list and watch;  ordered  its indexes
    reading       a watch's lines, read once for all mirrors
    workqueue     names to be worked on
    recorder      Events;  correlation  which of them are one
    lease         who of several instances leads
"""
