"""The API's own description: complete, consistent, and with what kubectl looks for."""

import orjson
import pytest

from k8slite.apiserver.openapi import OpenApi
from k8slite.kinds.kind import STATUS_VERBS, Kind, Subresource
from k8slite.messages import Request
from k8slite.objects.errors import NotAcceptable
from k8slite.objects.schema import Schemas

KINDS = (
    Kind("", "v1", "Pod", "pods", "pod", True, subresources=(Subresource("status", "Pod"),)),
    Kind("", "v1", "Namespace", "namespaces", "namespace", False),
    Kind(
        "apps", "v1", "Deployment", "deployments", "deployment", True,
        subresources=(Subresource("scale", "Scale", STATUS_VERBS, "autoscaling", "v1"),),
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def api():
    return OpenApi(KINDS, Schemas.load(37))


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_reference_points_at_something(api):
    v2 = orjson.loads(api.v2())
    assert {r.removeprefix("#/definitions/") for r in references(v2)} <= set(v2["definitions"])
    for name in ("api/v1", "apis/apps/v1"):
        v3 = orjson.loads(api.v3(name))
        schemas = set(v3["components"]["schemas"])
        assert {r.removeprefix("#/components/schemas/") for r in references(v3)} <= schemas


def test_types_are_as_upstream_publishes_them(api):
    schemas = orjson.loads(api.v3("apis/apps/v1"))["components"]["schemas"]
    spec = schemas["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    assert spec["replicas"]["type"] == "integer"
    assert spec["selector"]["allOf"] == [
        {"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}
    ]
    quantity = schemas["io.k8s.apimachinery.pkg.api.resource.Quantity"]
    assert quantity["oneOf"] == [{"type": "string"}, {"type": "number"}]
    assert "enum" not in schemas["io.k8s.api.apps.v1.Deployment"]["properties"]["kind"]
    v2 = orjson.loads(api.v2())["definitions"]
    assert v2["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] == "string"


def test_kubectl_finds_field_validation_among_the_parameters_of_patch(api):
    path = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    for document in (orjson.loads(api.v3("apis/apps/v1")), orjson.loads(api.v2())):
        patch = document["paths"][path]["patch"]
        assert "fieldValidation" in [one["name"] for one in patch["parameters"]]
        assert patch["x-kubernetes-action"] == "patch"
        assert patch["x-kubernetes-group-version-kind"] == {
            "group": "apps", "version": "v1", "kind": "Deployment",
        }  # fmt: skip


def test_operations_have_names_of_their_own(api):
    seen = []
    for item in orjson.loads(api.v2())["paths"].values():
        seen += [one["operationId"] for key, one in item.items() if key != "parameters"]
    assert len(seen) == len(set(seen))
    assert "readCoreV1NamespacedPod" in seen
    assert "listCoreV1PodForAllNamespaces" in seen


def test_an_address_with_the_right_hash_may_be_kept_and_a_wrong_one_moves_on(api):
    index = orjson.loads(api.answer(Request("GET", "/openapi/v3")).body)["paths"]
    address = index["apis/apps/v1"]["serverRelativeURL"]
    path, _, tag = address.partition("?hash=")
    found = api.answer(Request("GET", path, (("hash", tag),)))
    assert found.status == 200
    assert "immutable" in dict(found.headers)["Cache-Control"]
    moved = api.answer(Request("GET", path, (("hash", "old"),)))
    assert (moved.status, dict(moved.headers)["Location"]) == (301, address)
    known = Request("GET", path, headers={"if-none-match": f'"{tag}"'})
    assert api.answer(known).status == 304


def test_only_the_older_description_comes_as_protobuf(api):
    protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    answer = api.answer(Request("GET", "/openapi/v2", headers={"accept": protobuf}))
    assert dict(answer.headers)["Content-Type"] == protobuf.replace("@", ".")
    # Field 1 is the version of Swagger, field 2 the title and the version of the API.
    assert answer.body.startswith(b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.")
    with pytest.raises(NotAcceptable):
        newer = protobuf.replace("spec.v2@", "spec.v3@")
        api.answer(Request("GET", "/openapi/v3/apis/apps/v1", headers={"accept": newer}))
    assert api.answer(Request("GET", "/openapi/v3/apis/none/v1")) is None
