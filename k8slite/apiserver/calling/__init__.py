"""Calls to servers that are not this one: webhooks, converters, extension API servers, proxies.

In: what an object says of where somebody listens (a URL, or a Service with ready endpoints). Out:
a Handler that leads there, and answers within a named time or a failure in words. Never here:
sockets and certificates, which whoever runs the API server hands in as a Way.

    endpoint    where somebody listens, and what is shown to him
    services    from a Service and a port to an address
    webhook     a question in JSON, and its answer
    passing     a request passed on, an answer passed back; rewriting, as seen from outside
    conversion  objects of a custom resource, from one version to another
"""
