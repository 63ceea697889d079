"""Subresources that are more than a view of their object: one family a file.

In: a Call on `resource/NAME/subresource`. Out: a Response. `status` is no file here: it is an
update that protects everything else, see `verbs`.

    table      which subresource is served by what
    binding    a pod gets its node
    scale      a workload's replicas, as one object for all kinds
    pods       ephemeral containers, resizing, logs
    eviction   deletion that disruption budgets may refuse
    token      a service account's tokens
    messages   an answer as messages of a WebSocket
    streams    exec, attach and portforward;  proxy  HTTP;  connecting  their admission
    finalize   a namespace's last step
"""
