"""Devices: which there are, which are in use, which of them claims get.

In: ResourceSlices, DeviceClasses and claims as the mirrors show them. Out: an allocation, in the
form of a claim's status, and in the end in it. Never here: nodes' room, other plugins; and but for
`claiming` all is pure.

    pools        the devices that drivers have published, and where they can be had
    demands      a claim's requests with their classes
    constraints  what the devices of one claim must have in common, or must not
    allocation   the search for devices
    results      what was found, as status.allocation says it
    in_use       who has which device, what was just given included
    claiming     what is written

Upstream: `dynamic-resource-allocation/structured`.
"""
