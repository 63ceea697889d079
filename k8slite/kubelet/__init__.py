"""The nodes: many kubelets in one actor, their containers run by a pluggable runtime.

In: pods bound to this fleet's nodes, the runtime's reports, time. Out: Nodes and their Leases, pod
statuses, Events, logs. Never here: where a pod goes (the scheduler), who replaces it (controllers).

    kubelet      NodeFleet: the watch, the timers, who is told what
    node_pods    the pods of one node, and their addresses
    claims       devices that must be a pod's own before it runs
    pod_worker   what one pod does next (no waiting, no clock)
    pod_status   what the API is told about a pod (pure)
    node         the Node object; heartbeat: registration, Leases, node status
    pulse        heartbeats of many nodes in one message
    writing      the few tasks that write to the API
    addresses    pod addresses of a node; node_addresses: those of nodes
    routes       where names and addresses of services lead that containers dial
    server       what port 10250 answers
    logs         GET /containerLogs
    streams      exec, attach and port-forward: remote_command, port_forward
    runtimes/    what runs containers: the contract and its implementations
"""
