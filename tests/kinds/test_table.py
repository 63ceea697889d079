"""The table of kinds: what each minor version serves, and how it is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from k8slite.kinds.kind import Kind
from k8slite.kinds.table import (
    EVERY,
    NEWEST_MINOR,
    OLDEST_MINOR,
    Kinds,
    is_built_in,
    version_order,
)
from k8slite.objects.schema import Schemas

MINORS = range(OLDEST_MINOR, NEWEST_MINOR + 1)


def custom(plural: str, version: str = "v1") -> Kind:
    return Kind("example.com", version, plural.capitalize(), plural, plural, namespaced=True)


def test_kinds_are_found_by_path_and_by_kind() -> None:
    kinds = Kinds.of(36)
    deployment = kinds.find("apps", "v1", "deployments")
    assert deployment is not None
    assert deployment is kinds.by_kind("apps", "v1", "Deployment")
    assert deployment in kinds.served("apps", "v1")
    assert kinds.find("apps", "v1beta1", "deployments") is None
    assert kinds.served("apps", "v9") == ()


def test_a_version_is_built_once() -> None:
    assert Kinds.of(36) is Kinds.of(36)


@pytest.mark.parametrize("minor", [OLDEST_MINOR - 1, NEWEST_MINOR + 1])
def test_other_versions_are_not_known(minor: int) -> None:
    with pytest.raises(ValueError, match="is not known"):
        Kinds.of(minor)


@pytest.mark.parametrize("minor", MINORS)
def test_every_kind_that_is_served_has_a_schema(minor: int) -> None:
    schemas = Schemas.load(minor)
    missing = [
        (kind.group, kind.version, kind.kind)
        for kind in Kinds.of(minor).all()
        if schemas.definition(kind.group, kind.version, kind.kind, name=kind.definition) is None
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("group", "version", "plural", "since", "until"),
    [
        ("flowcontrol.apiserver.k8s.io", "v1beta3", "flowschemas", 30, 31),
        ("networking.k8s.io", "v1", "servicecidrs", 33, 37),
        ("resource.k8s.io", "v1", "resourceclaims", 34, 37),
        ("storage.k8s.io", "v1", "volumeattributesclasses", 34, 37),
        ("admissionregistration.k8s.io", "v1", "mutatingadmissionpolicies", 36, 37),
        ("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", 30, 37),
        ("certificates.k8s.io", "v1", "clustertrustbundles", 37, 37),
        ("", "v1", "pods", 30, 37),
    ],
)
def test_kinds_come_and_go(group: str, version: str, plural: str, since: int, until: int) -> None:
    served = [minor for minor in MINORS if Kinds.of(minor).find(group, version, plural)]
    assert served == list(range(since, until + 1))


def test_a_pod_can_be_resized_from_1_33_on() -> None:
    def has_resize(minor: int) -> bool:
        pod = Kinds.of(minor).find("", "v1", "pods")
        assert pod is not None
        return any(part.name == "resize" for part in pod.subresources)

    assert [minor for minor in MINORS if has_resize(minor)] == [33, 34, 35, 36, 37]


def test_storage_version_hashes_are_the_published_ones() -> None:
    oracle = Path(__file__).resolve().parents[2].parent / "shared" / "oracle" / "discovery.json"
    if not oracle.is_file():
        pytest.skip("shared/oracle is not beside this checkout")
    kinds = Kinds.of(36)
    for document in json.loads(oracle.read_text()).values():
        for resource in document.get("resources", ()):
            if "/" in resource["name"]:
                continue
            group, _, version = document["groupVersion"].rpartition("/")
            kind = kinds.find(group, version, resource["name"])
            assert kind is not None
            assert kind.storage_version_hash == resource.get("storageVersionHash", "")


def test_no_two_kinds_of_a_version_share_a_path_or_a_kind() -> None:
    for minor in MINORS:
        every = Kinds.of(minor).all()
        assert len({(k.group, k.version, k.plural) for k in every}) == len(every)
        assert len({(k.group, k.version, k.kind) for k in every}) == len(every)


def test_kinds_that_are_kept_elsewhere_say_how_to_get_there_and_back() -> None:
    for kind in EVERY:
        assert (kind.from_stored is None) == (kind.to_stored is None)
        if kind.stored_as is not None:
            assert kind.from_stored is not None


def test_the_preferred_version_comes_first() -> None:
    groups = Kinds.of(31).groups()
    assert next(iter(groups)) == ""
    assert groups["autoscaling"] == ("v2", "v1")
    assert groups["flowcontrol.apiserver.k8s.io"] == ("v1", "v1beta3")


def test_versions_are_ordered_as_kubernetes_does() -> None:
    versions = ["foo", "v1alpha2", "v1", "v1beta1", "v2", "v1beta10", "v10", "v1alpha1"]
    assert sorted(versions, key=version_order) == [
        "v10",
        "v2",
        "v1",
        "v1beta10",
        "v1beta1",
        "v1alpha2",
        "v1alpha1",
        "foo",
    ]


def test_custom_kinds_extend_a_table_and_leave_the_old_one_alone() -> None:
    kinds = Kinds.of(36)
    widgets, gadgets = custom("widgets"), custom("gadgets", "v1beta1")
    extended = kinds.extended([widgets, gadgets])
    assert extended.find("example.com", "v1", "widgets") is widgets
    assert extended.groups()["example.com"] == ("v1", "v1beta1")
    assert kinds.find("example.com", "v1", "widgets") is None
    assert extended.extended([]).find("example.com", "v1", "widgets") is None
    assert not is_built_in(widgets)


def test_event_and_job_fields_can_be_selected() -> None:
    kinds = Kinds.of(36)
    event = kinds.find("", "v1", "events")
    job = kinds.find("batch", "v1", "jobs")
    pod = kinds.find("", "v1", "pods")
    assert event is not None
    assert job is not None
    assert pod is not None
    old = {"involvedObject": {"name": "p"}, "reportingComponent": "me"}
    assert event.selectable["involvedObject.name"](old) == "p"
    assert event.selectable["source"](old) == "me"
    assert event.selectable["source"]({"source": {"component": "kubelet"}}) == "kubelet"
    assert job.selectable["status.successful"]({"status": {"succeeded": 3}}) == "3"
    assert job.selectable["status.successful"]({}) == "0"
    assert pod.selectable["spec.hostNetwork"]({"spec": {"hostNetwork": True}}) == "true"
    assert pod.selectable["spec.hostNetwork"]({"spec": {}}) == "false"
    assert (
        pod.selectable["status.podIP"]({"status": {"podIPs": [{"ip": "10.0.0.1"}]}}) == "10.0.0.1"
    )
