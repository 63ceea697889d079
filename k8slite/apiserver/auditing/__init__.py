"""The audit log: who asked for what, when, and what came of it.

In: a policy, requests with their answers, what authentication, authorization and admission note.
Out: events of `audit.k8s.io/v1`, one JSON line each. Never here: the file that they go to, the
sockets of a webhook, and no tokens: neither of headers nor of reviews.

    policy      how much of which request is told
    events      one event
    auditor     the stages of a request
    webhook     events sent elsewhere, in batches or while a request waits
"""
