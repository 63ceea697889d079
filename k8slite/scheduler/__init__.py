"""The scheduler: finds a node for every pod that has none, and binds it there.

In: mirrors of pods, nodes and what plugins look at. Out: bindings, PodScheduled conditions, events,
the end of pods that must go. Never here: the API server, the store; nothing is known of the cluster
but what the mirrors show.

    scheduler       the loop: next pod, decision, binding
    retries         who of those that fit nowhere is tried again, and when
    queue           who is next; who waits for what
    binding         what is written
    configuration   KubeSchedulerConfiguration; `profiles` makes frameworks of it
    framework       one profile's plugins at work
    evaluation      all nodes as one class of pods sees them, kept up change by change
    extending       decisions in which programs elsewhere have their say; `extender` is one
    trial           one node played with; `victims` chooses who must go
    plugin          the plugin contract
    plugins         one rule a file
    snapshot        the nodes and what is taken of them; `changes` is its log
    view            all else that plugins look at
    devices         which there are, who has them, who gets which
    pod_info        what a pod asks for: `requests`, `affinity_terms`
    neighbours, spreading, volumes, shapes      what several plugins, or long ones, reckon with
    diagnosis       why a pod fits nowhere, in upstream's words
"""
