"""The real outside: files, sockets, certificates, the computer's clock.

In: where a cluster's files are and how it was asked to run. Out: a Cluster that is reachable.
Never here: what a cluster does once it lives.

    data_directory   a cluster's files, and the lock that keeps two processes apart
    authentication   whose tokens are believed, and a file that says so
    front_proxies    whom else the API server believes, and who is to believe it
    certificates     the cluster's own CA and what it signs
    kubeconfig       how clients find the cluster
    world            the real World
    access           how to reach a cluster of somebody else's; credentials, what to show there
    remote           run controllers against it
    loop             a trio loop in a thread, for whoever has none
    clock            a clock that can be moved forward, and a World that goes by it
    embedded         a cluster inside somebody else's process;  request_log  what it was asked
    programmed       what pretended containers do there
    asyncio_program  a container's coroutine that is of asyncio
    run              open files and sockets, build the Cluster, stop in order
"""
