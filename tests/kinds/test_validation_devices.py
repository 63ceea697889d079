"""Rules for devices: those of slices, and what a claim's status says of allocated ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kinds.oracle_cases import strategies
from tests.kinds.test_validation_rules import new, shown
from tests.kinds.test_validation_small_kinds import CLAIM, SLICE

Json = dict[str, Any]

DEVICES: list[tuple[Json, list[str]]] = [
    ({"attributes": {"a": {"int": 1}, "d.e/b": {"version": "1.0.0-rc.1+x"}}}, []),
    (
        {"attributes": {"a-b": {"int": 1, "bool": True}, "/c": {}, "a/b/c": {"bool": True}}},
        [
            'attributes: Invalid value: "": the domain must not be empty',
            'attributes[/c]: Invalid value: "": exactly one value must be specified',
            'attributes: Invalid value: "a-b": a valid C identifier',
            'attributes[a-b]: Invalid value: {"IntValue":1,"BoolValue":true,"StringValue":null,',
            'attributes: Invalid value: "a/b/c": must not contain more than one slash',
        ],
    ),
    (
        {"attributes": {"a": {"version": "1.0"}, "b": {"string": "x" * 65}}},
        [
            'attributes[a].version: Invalid value: "1.0": must be a string compatible with semver',
            "attributes[b].string: Too long: may not be more than 64 bytes",
        ],
    ),
    (
        {"capacity": {"m": {"value": "1", "requestPolicy": {"default": "1"}}}},
        ["capacity[m].requestPolicy: Forbidden: allowMultipleAllocations must be true"],
    ),
    (
        {
            "allowMultipleAllocations": True,
            "capacity": {
                "m": {
                    "value": "10",
                    "requestPolicy": {
                        "default": "3",
                        "validRange": {"min": "2", "max": "12", "step": "4"},
                    },
                },
                "n": {
                    "value": "2",
                    "requestPolicy": {"default": "5", "validValues": ["3", "1", "1"]},
                },
                "o": {"value": "1", "requestPolicy": {"validValues": ["1"]}},
            },
        },
        [
            'capacity[m].requestPolicy.validRange.max: Invalid value: "12": max is larger than',
            'capacity[m].requestPolicy.validRange.step: Invalid value: "3": value is not a multi',
            'capacity[m].requestPolicy.validRange.step: Invalid value: "12": value is not a mult',
            'capacity[n].requestPolicy.validValues[1]: Invalid value: "1": values must be sorted',
            'capacity[n].requestPolicy.validValues[0]: Invalid value: "3": option is larger than',
            'capacity[n].requestPolicy.validValues[2]: Duplicate value: "1"',
            'capacity[n].requestPolicy.validValues: Invalid value: "5": default value is not val',
            "capacity[o].requestPolicy.default: Required value: required when validValues is def",
        ],
    ),
    (
        {"taints": [{"key": "a b", "effect": "Odd"}, {"key": "k", "value": "-"}]},
        [
            'taints[0].key: Invalid value: "a b": name part',
            'taints[0].effect: Unsupported value: "Odd": supported values: "NoExecute", "NoSche',
            'taints[1].value: Invalid value: "-": a valid label',
            "taints[1].effect: Required value",
        ],
    ),
    (
        {"consumesCounters": [{"counterSet": "A"}, {"counters": {"B": {"value": "1"}}}]},
        [
            'consumesCounters[0].counterSet: Invalid value: "A": a lowercase RFC 1123 label',
            "consumesCounters[0].counters: Required value",
            "consumesCounters[1].counterSet: Required value",
            'consumesCounters[1].counters: Invalid value: "B": a lowercase RFC 1123 label',
        ],
    ),
    (
        {"bindingConditions": ["a", "a"], "bindingFailureConditions": ["a"]},
        [
            'bindingConditions[1]: Duplicate value: "a"',
            'bindingFailureConditions[0]: Invalid value: "a": bindingFailureConditions must not',
        ],
    ),
    (
        {"bindingConditions": ["a"]},
        ["bindingFailureConditions: Invalid value: null: bindingFailureConditions are required"],
    ),
]


@pytest.mark.parametrize(("device", "expected"), DEVICES)
def test_a_device(device: Json, expected: list[str]) -> None:
    found = new("resource", "resourceslices", spec={**SLICE, "devices": [{"name": "d", **device}]})
    _match(found, [f"spec.devices[0].{text}" for text in expected])


def test_where_a_device_is() -> None:
    devices = [
        {"name": "a"},
        {"name": "b", "nodeName": "n", "allNodes": True},
        {"name": "c", "nodeName": "n"},
        {"name": "c", "nodeName": ""},
    ]
    apart = {key: value for key, value in SLICE.items() if key != "nodeName"}
    spec = {**apart, "perDeviceNodeSelection": True, "devices": devices}
    _match(
        new("resource", "resourceslices", spec=spec),
        [
            "spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or",
            'spec.devices[1]: Invalid value: "{`nodeName`, `allNodes`}": exactly one of',
            'spec.devices[3].nodeName: Invalid value: "": must not be empty',
            "spec.devices[3]: Required value: exactly one of `nodeName`, `nodeSelector`, or",
            'spec.devices[3]: Duplicate value: "c"',
        ],
    )
    spec = {**SLICE, "devices": devices[2:3], "sharedCounters": [{"name": "s"}]}
    _match(
        new("resource", "resourceslices", spec=spec),
        [
            'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
            "spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can",
            "spec.sharedCounters[0].counters: Required value",
        ],
    )


RESULT: Json = {"request": "r", "driver": "d.e.com", "pool": "p", "device": "d"}
GOT: Json = {"devices": {"results": [RESULT]}}
OF_DEVICE: Json = {key: RESULT[key] for key in ("driver", "pool", "device")}
STATUSES: list[tuple[Json, list[str]]] = [
    ({"allocation": GOT, "devices": [{**OF_DEVICE, "data": {"a": 1}}]}, []),
    (
        {"allocation": {"devices": {"results": [{**RESULT, "request": "x", "pool": ""}]}}},
        [
            'status.allocation.devices.results[0].request: Invalid value: "x": must be the name',
            "status.allocation.devices.results[0].pool: Required value",
        ],
    ),
    (
        {"allocation": {"devices": {**GOT["devices"], "config": [{"requests": ["y"]}]}}},
        [
            "status.allocation.devices.config[0].source: Required value",
            'status.allocation.devices.config[0].requests[0]: Invalid value: "y": must be the',
            "status.allocation.devices.config[0].opaque: Required value",
        ],
    ),
    (
        {
            "allocation": GOT,
            "devices": [
                {**OF_DEVICE, "data": [1], "networkData": {"ips": ["10.0.0.1", "10.0.0.1/8"]}},
                {**OF_DEVICE, "device": "e"},
                OF_DEVICE,
            ],
        },
        [
            'status.devices[0].data: Invalid value: "<value omitted>": must be a valid JSON obj',
            'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid ad',
            'status.devices[1]: Invalid value: "d.e.com/p/e": must be an allocated device in the',
            'status.devices[2]: Duplicate value: "d.e.com/p/d"',
        ],
    ),
]


@pytest.mark.parametrize(("status", "expected"), STATUSES)
def test_the_status_of_a_claim(status: Json, expected: list[str]) -> None:
    claim = {"metadata": {}, "spec": CLAIM, "status": status}
    found = strategies("resource")["resourceclaims"].validate_status(claim, {"status": {}})
    _match(shown(found), expected)


def test_tolerations_and_parameters_of_a_claim() -> None:
    exactly = {
        "deviceClassName": "gpu",
        "tolerations": [{"operator": "Exists", "value": "x"}, {"operator": "In", "effect": "Odd"}],
    }
    config = [{"opaque": {"driver": "d", "parameters": [1]}}]
    spec = {"devices": {"requests": [{"name": "r", "exactly": exactly}], "config": config}}
    at = "spec.devices.requests[0].exactly.tolerations"
    _match(
        new("resource", "resourceclaims", spec=spec),
        [
            f'{at}[0].value: Invalid value: "x": must be empty for operator `Exists`',
            f'{at}[1].operator: Unsupported value: "In": supported values: "Equal", "Exists"',
            f'{at}[1].effect: Unsupported value: "Odd": supported values: "NoExecute"',
            'spec.devices.config[0].opaque.parameters: Invalid value: "<value omitted>": must be',
        ],
    )
    spec = {"metadata": {"name": "x"}, "spec": CLAIM}
    assert new("resource", "resourceclaimtemplates", spec=spec) == [
        "spec.metadata.name: Forbidden: cannot be set"
    ]


def _match(found: list[str], expected: list[str]) -> None:
    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted), (told, wanted)
