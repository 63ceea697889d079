"""Strict decoding by the published schemas, in Go's words."""

import pytest

from k8slite.objects.schema import Schemas, Undecodable, duplicate_fields


def decode(kind, obj, group="", version="v1"):
    definition = Schemas.load(37).definition(group, version, kind)
    return definition.decode(obj)


def test_unknown_fields_are_named_and_removed():
    obj = {"spec": {"foo": 1, "containers": [{"name": "c", "Image": "x"}]}}
    assert decode("Pod", obj) == [
        'unknown field "spec.foo"',
        'unknown field "spec.containers[0].Image"',
    ]
    assert obj == {"spec": {"containers": [{"name": "c"}]}}


def test_nulls_and_empty_optional_lists_are_left_out():
    obj = {
        "metadata": {"labels": {}, "annotations": {"a": None}, "name": None},
        "spec": {"containers": [], "volumes": [{"name": "v", "emptyDir": {}}]},
    }
    assert decode("Pod", obj) == []
    assert obj == {
        "metadata": {"annotations": {"a": ""}},
        "spec": {"containers": [], "volumes": [{"name": "v", "emptyDir": {}}]},
    }


def test_quantities_and_times_become_canonical():
    resources = {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "limits": {"cpu": "1000m"}}
    obj = {
        "metadata": {"creationTimestamp": "2026-01-02T03:04:05.6+01:00"},
        "spec": {"containers": [{"name": "c", "resources": resources}]},
    }
    decode("Pod", obj)
    assert resources == {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1"}}
    assert obj["metadata"]["creationTimestamp"] == "2026-01-02T02:04:05Z"


def test_json_of_somebody_else_is_left_alone():
    data = {"data": {"a": None, "b": [{}]}, "revision": 1}
    assert decode("ControllerRevision", data, "apps") == []
    assert data["data"] == {"a": None, "b": [{}]}


GO = "json: cannot unmarshal"


@pytest.mark.parametrize(
    ("kind", "group", "obj", "message"),
    [
        (
            "Deployment", "apps", {"spec": {"replicas": "3"}},
            f"{GO} string into Go struct field DeploymentSpec.spec.replicas of type int32",
        ),
        (
            "Pod", "", {"metadata": {"name": 3}},
            f"{GO} number into Go struct field ObjectMeta.metadata.name of type string",
        ),
        (
            "Pod", "", {"spec": {"containers": {}}},
            f"{GO} object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        ("Secret", "", {"data": {"a": "!!"}}, "illegal base64 data at input byte 0"),
        (
            "Pod", "", {"metadata": {"creationTimestamp": "x"}},
            'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"',
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(kind, group, obj, message):
    with pytest.raises(Undecodable) as refused:
        decode(kind, obj, group)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"a":1,"b":{"c":"\\":"}}', []),
        (b'{"a":":8080","a\\\\":1}', []),
        (b'{"a":1,"b":{"c":1,"c":2,"d":[{"x":1,"x" : 2}]},"a":3}', ["a", "b.c", "b.d[0].x"]),
        (b'{"a" :1,"a" :":"}', ["a"]),
    ],
)
def test_fields_that_come_twice_are_named(body, found):
    assert duplicate_fields(body) == [f'duplicate field "{path}"' for path in found]


def test_an_optional_zero_that_is_no_pointer_is_left_out():
    port = {"name": "", "port": 0, "protocol": "", "nodePort": 0, "targetPort": 0}
    spec = {"ports": [{**port, "appProtocol": ""}], "publishNotReadyAddresses": False}
    obj = {"metadata": {"name": "a", "generateName": ""}, "spec": {**spec, "clusterIP": ""}}
    assert decode("Service", obj) == []
    assert obj == {
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 0, "targetPort": 0, "appProtocol": ""}]},
    }
    probe = {"initialDelaySeconds": 0, "httpGet": {"path": "", "port": 0}}
    container = {"name": "", "image": "", "stdin": False, "livenessProbe": probe}
    obj = {"spec": {"containers": [container], "hostNetwork": False, "hostUsers": False}}
    assert decode("Pod", obj) == []
    assert obj["spec"] == {
        "containers": [{"name": "", "livenessProbe": {"httpGet": {"port": 0}}}],
        "hostUsers": False,
    }
