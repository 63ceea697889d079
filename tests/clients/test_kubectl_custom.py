"""kubectl with custom resources: defined, explained, validated, printed, scaled, taken away."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.clients.cluster import Kubectl

NAME = "gadgets.shop.example.com"
SPEC = {
    "type": "object",
    "description": "What the gadget should be.",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "description": "How large it is.", "minimum": 1},
        "color": {"type": "string", "default": "red"},
    },
    "x-kubernetes-validations": [
        {"rule": "self.size < 100 || self.color == 'red'", "message": "large ones are red"}
    ],
}
SCHEMA = {
    "type": "object",
    "description": "Something to sell.",
    "properties": {
        "spec": SPEC,
        "status": {"type": "object", "properties": {"size": {"type": "integer"}}},
    },
}
PATHS = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
]


def definition() -> str:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": {"status": {}, "scale": PATHS},
        "additionalPrinterColumns": COLUMNS,
    }
    names = {"kind": "Gadget", "plural": "gadgets", "shortNames": ["gd"], "categories": ["goods"]}
    return json.dumps(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": NAME},
            "spec": {
                "group": "shop.example.com",
                "scope": "Namespaced",
                "names": names,
                "versions": [version],
            },
        }
    )


def gadget(name: str, **spec: object) -> str:
    metadata = {"name": name}
    return json.dumps(
        {
            "apiVersion": "shop.example.com/v1",
            "kind": "Gadget",
            "metadata": metadata,
            "spec": {"size": 3, **spec},
        }
    )


@pytest.fixture
def shop(kubectl: Kubectl) -> Iterator[Kubectl]:
    kubectl("create", "-f", "-", given=definition())
    kubectl("wait", "--for=condition=Established", f"crd/{NAME}", "--timeout=90s")
    yield kubectl
    kubectl("delete", "crd", NAME, "--timeout=60s")


def test_its_objects(shop: Kubectl) -> None:
    done = shop("apply", "-f", "-", given=gadget("one"))
    assert done.lines == ["gadget.shop.example.com/one created"]
    assert [row[:2] for row in shop("get", "gd").rows] == [["NAME", "SIZE"], ["one", "3"]]
    wide = shop("get", "gadgets", "-o", "wide").rows
    assert wide == [["NAME", "SIZE", "COLOR"], ["one", "3", "red"]]
    assert "gadget.shop.example.com/one" in shop("get", "goods", "-o", "name").lines
    done = shop("apply", "-f", "-", given=gadget("one", size=4))
    assert done.lines == ["gadget.shop.example.com/one configured"]
    shop("scale", "gadget", "one", "--replicas=7")
    assert shop("get", "gadget", "one", "-o", "jsonpath={.spec.size}").out == "7"
    shop("patch", "gadget", "one", "--type=merge", '--patch={"spec":{"color":"blue"}}')
    patch = '--patch={"status":{"size":7}}'
    shop("patch", "gadget", "one", "--type=merge", "--subresource=status", patch)
    assert shop("get", "gadget", "one", "-o", "jsonpath={.status.size}").out == "7"
    selected = shop("get", "gadgets", "--field-selector=metadata.name=one", "-o", "name").lines
    assert selected == ["gadget.shop.example.com/one"]


def test_what_it_is(shop: Kubectl) -> None:
    said = shop("explain", "gadget").out
    assert "KIND:       Gadget" in said and "Something to sell." in said
    said = shop("explain", "gadget.spec").out
    assert "size\t<integer> -required-" in said and "How large it is." in said
    listed = shop("api-resources", "--api-group=shop.example.com").rows
    assert listed[1] == ["gadgets", "gd", "shop.example.com/v1", "true", "Gadget"]


def test_what_it_is_not(shop: Kubectl) -> None:
    message = shop.refused("apply", "-f", "-", given=gadget("a", shape="round"))
    assert 'strict decoding error: unknown field "spec.shape"' in message
    message = shop.refused("apply", "-f", "-", given=gadget("a", size="x"))
    assert 'spec.size: Invalid value: "string": spec.size in body must be of type' in message
    message = shop.refused("apply", "-f", "-", given=gadget("a", size=200, color="blue"))
    assert message == (
        'The Gadget "a" is invalid: spec: Invalid value: "object": large ones are red'
    )
    shop("apply", "--server-side", "-f", "-", given=gadget("a"))
    other = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    message = shop.refused(*other, given=gadget("a", size=4))
    assert 'conflict with "kubectl": .spec.size' in message


def test_a_definition_that_cannot_be(kubectl: Kubectl) -> None:
    wrong = json.loads(definition())
    schema = wrong["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"]["x-kubernetes-validations"] = [{"rule": "self.size >"}]
    message = kubectl.refused("create", "-f", "-", given=json.dumps(wrong))
    assert "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]" in message
    assert "compilation failed: ERROR: <input>:1:12: Syntax error" in message
