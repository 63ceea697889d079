"""k8slite in other people's tests.

In: what a test asks for. Out: a cluster inside the test's own process. Never here: sockets that
a test did not ask for.
"""
