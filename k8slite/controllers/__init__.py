"""Controllers: each brings one kind of thing to what its spec wants, through the API alone.

In: mirrors, and keys that their changes lead to. Out: API writes and events. Never here: the API
server, the store, another controller (they meet in the API only).

    controller  the frame: mirrors, queue, workers, retries, read your own writes
    ownership   whose an object is: adopt, release
    one file (or a few, with the controller's name in front) for each controller

`table` lists the controllers; a new one is a file here and a line there.
"""
