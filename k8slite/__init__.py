"""k8slite: the instant, embeddable, testable Kubernetes.

One request's walk. A client's bytes reach `wire`, which makes a Request of them and calls the API
server's Handler. `apiserver` finds out who asks and whether they may, decodes the body by the
published schemas, and hands a change to the registry, whose one write loop reads, changes, admits,
fills in, checks and puts. `store` gives the write its revision, makes it durable, publishes it.
Watchers wake: a component's mirror (`client`) takes the new state and queues a key; a controller,
the scheduler or the fleet of kubelets reconciles it and writes again, through the same Handler,
without a socket. `cluster` says who exists; `live` gives it files, sockets and the time of day,
`sim` imagines them.
"""
