"""Pods whose claims to devices are not theirs yet do not run."""

import trio

from k8slite.client.resource import RESOURCE_CLAIMS

NAMED = [{"name": "gpu", "resourceClaimName": "c"}]
MADE = [{"name": "gpu", "resourceClaimTemplateName": "t"}]
PATH = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/c"


def put_claim(scene, **more):
    metadata = {"name": "c", "namespace": "default", "uid": "uid-c", **more.pop("metadata", {})}
    scene.api.put(PATH, {"kind": RESOURCE_CLAIMS.kind, "metadata": metadata, **more})


def reserve(scene, pod):
    user = {"resource": "pods", "name": "web", "uid": pod["metadata"]["uid"]}
    scene.api.change(PATH, lambda one: one.update(status={"reservedFor": [user]}))


def complaints(scene):
    return [
        event["message"]
        for event in scene.api.list("/api/v1/events")
        if event["reason"] == "FailedPrepareDynamicResources"
    ]


async def test_a_claim_that_is_not_there(autojump_clock, scene):
    await scene.create("web", resourceClaims=NAMED)
    assert scene.status("web") == {"phase": "Pending"}
    assert complaints(scene)[0].startswith(
        "Failed to prepare dynamic resources: fetch ResourceClaim c: "
    )


async def test_a_claim_that_is_not_reserved_and_then_is(autojump_clock, scene):
    put_claim(scene)
    pod = await scene.create("web", resourceClaims=NAMED)
    uid = pod["metadata"]["uid"]
    assert scene.status("web") == {"phase": "Pending"}
    assert complaints(scene)[0] == (
        f"Failed to prepare dynamic resources: pod web ({uid}) is not allowed to use "
        "ResourceClaim c (uid-c)"
    )
    reserve(scene, pod)
    await trio.sleep(10)
    assert scene.status("web")["phase"] == "Running"


async def test_a_claim_from_a_template_must_be_the_pods_own(autojump_clock, scene):
    put_claim(scene)
    pod = await scene.create("web", resourceClaims=MADE)
    assert complaints(scene)[0].endswith('pod "default/web": ResourceClaim not found')
    reserve(scene, pod)
    statuses = [{"name": "gpu", "resourceClaimName": "c"}]
    path = "/api/v1/namespaces/default/pods/web"
    scene.api.change(path, lambda one: one["status"].update(resourceClaimStatuses=statuses))
    await trio.sleep(10)
    assert complaints(scene)[-1].endswith(
        "ResourceClaim default/c was not created for Pod default/web (Pod is not owner)"
    )
    owner = {"kind": "Pod", "name": "web", "uid": pod["metadata"]["uid"], "controller": True}
    scene.api.change(PATH, lambda one: one["metadata"].update(ownerReferences=[owner]))
    await trio.sleep(10)
    assert scene.status("web")["phase"] == "Running"


async def test_a_pod_that_waits_can_be_deleted(autojump_clock, scene):
    await scene.create("web", resourceClaims=NAMED)
    await scene.delete("web")
    await trio.sleep(60)
    assert scene.pod("web") is None
