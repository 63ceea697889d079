"""The API server: a Handler that turns requests into reads and writes of the store.

In: a Request. Out: a Response, always: what goes wrong inside is a Status. Never here: sockets,
the controllers, the time of day but through the World.

    server            the stages, outermost first
    request_info      what a request is about
    authentication    who asks;  authorization  may they;  admission  what the cluster adds
    auditing          what of it is put on record
    verbs             get, list, watch, create, update, patch, delete
    subresources      what is below an object;  reviews  questions asked by creating
    decoding, rendering, patches      bytes to objects and back
    registry          the one write loop;  deletion, allocation  what goes with it
    heartbeats        the writes of nodes that have nothing new to say, many at once
    listing, watching, selection      reads that never decode
    calling           servers that are not this one: webhooks and their like
    aggregation       groups and versions that other API servers serve;  versions  custom resources
    discovery, openapi, health, metrics      the API about itself
    bootstrap         what a fresh cluster holds
"""
