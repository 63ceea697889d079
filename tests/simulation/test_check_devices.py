"""Devices and claims, broken and held."""

from typing import Any

from k8slite.kinds.resource.pod_claims import FINALIZER
from k8slite.sim.checks.devices import CLAIMS, Devices
from k8slite.sim.checks.reading import PODS
from tests.simulation.test_checks import EVERYTHING, Story, thing

Json = dict[str, Any]

RUNNING = EVERYTHING | {"resourceclaim-controller"}
CONTROLLER = "system:controller:resourceclaim-controller"
SCHEDULER = "system:kube-scheduler"


def claim(name: str = "c", device: str = "d0", *users: str, **more: Any) -> Json:
    results = [{"driver": "x", "pool": "p", "device": device, **more.pop("result", {})}]
    status: Json = {"allocation": {"devices": {"results": results}}} if device else {}
    status["reservedFor"] = [
        {"resource": "pods", "name": user, "uid": f"uid-{user}"} for user in users
    ]
    metadata = {"finalizers": [FINALIZER], **more}
    return thing(name, metadata=metadata, status=status)


def pod(node: str = "node-0", phase: str = "Running", **metadata: Any) -> Json:
    spec = {"nodeName": node, "resourceClaims": [{"name": "gpu", "resourceClaimName": "c"}]}
    return thing("web", metadata=metadata, spec=spec, status={"phase": phase})


def used() -> Story:
    story = Story(Devices, RUNNING)
    story.write(CLAIMS, claim("c", "d0", "web"), user=SCHEDULER)
    story.write(PODS, pod(), request="POST /api/v1/namespaces/shop/pods/web/binding")
    return story


def test_a_device_is_one_claims() -> None:
    used().ends_with()
    story = used()
    story.write(CLAIMS, claim("other"))
    story.ends_with("other is given the device x/p/d0, which another claim has")
    story = used()
    story.write(CLAIMS, claim("other", result={"adminAccess": True}))
    story.ends_with()


def test_what_has_devices_is_held() -> None:
    story = Story(Devices, RUNNING)
    story.write(CLAIMS, claim(finalizers=[]))
    story.ends_with("shop/c has devices, and nothing holds it")


def test_what_a_pod_runs_with_is_not_taken() -> None:
    for left in (claim("c", ""), claim("c", "d0")):
        story = used()
        story.write(CLAIMS, left, user=CONTROLLER)
        story.ends_with("shop/c is taken from web, which runs with it")
    story = used()
    story.write(PODS, pod(phase="Succeeded"))
    story.write(CLAIMS, claim("c", ""), user=CONTROLLER)
    story.ends_with()


def test_a_pod_is_bound_with_what_is_reserved_for_it() -> None:
    for there in (claim("c", ""), claim("c", "d0", "other")):
        story = Story(Devices, EVERYTHING)
        story.write(CLAIMS, there)
        story.write(PODS, pod(), request="POST /api/v1/namespaces/shop/pods/web/binding")
        story.ends_with("shop/web is bound, and its claim c is not reserved for it")


def test_claims_go_with_their_pods() -> None:
    story = used()
    story.write(PODS, None, name="shop/web")
    story.ends_with("shop/c is reserved for web, which does not run any more")
    story = Story(Devices, RUNNING)
    owner = {"kind": "Pod", "name": "web", "uid": "uid-web", "controller": True}
    story.write(CLAIMS, claim("c", "", ownerReferences=[owner]))
    story.ends_with("shop/c outlives web, which it was made for")
