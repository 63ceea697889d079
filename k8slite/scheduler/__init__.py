"""The scheduler: finds a node for every pod that has none, and binds it there.

In: mirrors of pods and nodes. Out: bindings, PodScheduled conditions, events. Never here: the API
server, the store; nothing is known of the cluster but what the mirrors show.

    scheduler   the loop: next pod, decision, binding
    queue       who is next; who waits for what
    framework   one decision: runs the plugins, remembers what has not changed
    plugin      the plugin contract
    plugins     one rule a file
    snapshot    the nodes and what is taken of them
    pod_info    what a pod asks for
    diagnosis   why a pod fits nowhere, in upstream's words
"""
