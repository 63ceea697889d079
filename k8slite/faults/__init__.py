"""What can go wrong between a client and the API server, and how it is made to.

In: a plan, and requests and watches on their way. Out: the same, delayed, refused, lost, held,
repeated or answered from the past, as the plan says. The simulator strikes processes with it, a
live cluster the clients on its sockets. Never here: whether time and disks are imagined.

    plan      the faults, as values; files: how they are written down
    storm     which fault strikes where
    subject   whoever is struck
    way       its requests; gates: its watches; past: its reads of a replica that has stopped
    lasting   what lasts on a subject; deletion: what a user makes anew
    noise     traffic that is not counted
"""
