"""What our own controllers are held against: each scenario is swept by `make sim`."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import trio
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import ec

from k8slite.client.resource import (
    CONFIG_MAPS,
    CRON_JOBS,
    CUSTOM_RESOURCE_DEFINITIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    NAMESPACES,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)
from k8slite.cluster import Settings
from k8slite.controllers.identity.legacy_token_tracking import CONFIG_MAP as TRACKING
from k8slite.controllers.identity.legacy_token_tracking import LAST_USED
from k8slite.objects.errors import Forbidden, NotFound
from k8slite.sim.scenario import Scenario
from k8slite.sim.simulation import Simulation
from k8slite.sim.world import EPOCH
from tests.simulation.scenarios_flows import FLOWS
from tests.simulation.scenarios_networking import NETWORKING
from tests.simulation.scenarios_policies import POLICIES

Json = dict[str, Any]
STRATEGIC = "application/strategic-merge-patch+json"


def deployment(name: str, replicas: int, *, cpu: str = "100m") -> Json:
    labels = {"app": name}
    container = {
        "name": "c",
        "image": "example.com/app:1",
        "resources": {"requests": {"cpu": cpu}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(name: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]},
    }


def running(sim: Simulation, namespace: str = "default") -> list[Json]:
    return [
        pod
        for pod in sim.objects(PODS, namespace)
        if pod.get("status", {}).get("phase") == "Running"
        and "deletionTimestamp" not in pod["metadata"]
    ]


def wrong_number(sim: Simulation, wanted: int, namespace: str = "default") -> Sequence[str]:
    found, there = len(running(sim, namespace)), len(sim.objects(PODS, namespace))
    if found == there == wanted:
        return ()
    return (f"{wanted} pods are wanted, {there} are there and {found} of them run",)


class Web(Scenario):
    """A Deployment of three pods."""

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(DEPLOYMENTS, deployment("web", 3), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        return wrong_number(sim, 3)


class Rollout(Scenario):
    """A Deployment gets another image, and is rolled over."""

    objects = (deployment("web", 3),)

    async def act(self, sim: Simulation) -> None:
        image = [{"name": "c", "image": "example.com/app:2"}]
        patch = {"spec": {"template": {"spec": {"containers": image}}}}
        await sim.client.patch(DEPLOYMENTS, "web", patch, "default", patch_type=STRATEGIC)

    def check(self, sim: Simulation) -> Sequence[str]:
        old = [
            pod["metadata"]["name"]
            for pod in running(sim)
            if pod["spec"]["containers"][0]["image"] != "example.com/app:2"
        ]
        return [*wrong_number(sim, 3), *(f"{name} has the old image" for name in old)]


class Scaling(Scenario):
    """A Deployment grows and shrinks before it has grown."""

    objects = (deployment("web", 2),)

    async def act(self, sim: Simulation) -> None:
        for replicas in (5, 1, 3):
            await sim.client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": replicas}}, "default")
            await sim.until(lambda: len(sim.objects(PODS, "default")) > 3, 2.0)

    def check(self, sim: Simulation) -> Sequence[str]:
        return wrong_number(sim, 3)


class Endpoints(Scenario):
    """A Service's pods come and go."""

    objects = (deployment("web", 2), service("web"))

    async def act(self, sim: Simulation) -> None:
        await sim.client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 3}}, "default")
        await sim.until(lambda: len(running(sim)) == 3)
        victim = running(sim)[0]["metadata"]["name"]
        await sim.client.delete(PODS, victim, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        ready = sorted(pod["status"]["podIP"] for pod in running(sim))
        served = sorted(
            address
            for one in sim.objects(ENDPOINT_SLICES, "default")
            if one["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
            for endpoint in one.get("endpoints") or ()
            if endpoint["conditions"].get("ready")
            for address in endpoint["addresses"]
        )
        if ready != served:
            return (f"the pods {ready} are ready, but the slices hold {served}",)
        return wrong_number(sim, 3)


class Mirrored(Scenario):
    """Who writes Endpoints by hand changes them, and gives its Service a selector for a while."""

    nodes = 0
    scheduler = False
    objects = (
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "old"},
            "spec": {"ports": [{"port": 80}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": "old"},
            "subsets": [{"addresses": [{"ip": "10.7.0.1"}], "ports": [{"port": 80}]}],
        },
    )

    async def act(self, sim: Simulation) -> None:
        subset = {"addresses": [{"ip": "10.7.0.2"}], "ports": [{"port": 81}]}
        await sim.client.patch(ENDPOINTS, "old", {"subsets": [subset]}, "default")
        selector: Json = {"selector": {"app": "none"}}
        await sim.client.patch(SERVICES, "old", {"spec": selector}, "default")
        await sim.client.patch(SERVICES, "old", {"spec": {"selector": None}}, "default")
        subset = {"addresses": [{"ip": "10.7.0.3"}], "ports": [{"port": 82}]}
        await sim.client.patch(ENDPOINTS, "old", {"subsets": [subset]}, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        manager = "endpointslicemirroring-controller.k8s.io"
        wanted = [
            (address["ip"], port["port"])
            for one in sim.objects(ENDPOINTS, "default")
            if one["metadata"]["name"] == "old"
            for subset in one.get("subsets") or ()
            for address in subset["addresses"]
            for port in subset["ports"]
        ]
        mirrored = [
            (endpoint["addresses"][0], one["ports"][0]["port"])
            for one in sim.objects(ENDPOINT_SLICES, "default")
            if one["metadata"]["labels"].get("endpointslice.kubernetes.io/managed-by") == manager
            for endpoint in one.get("endpoints") or ()
        ]
        return [] if mirrored == wanted else [f"the slices hold {mirrored}, wanted {wanted}"]


class NamespaceGoes(Scenario):
    """A namespace is deleted with all that is in it."""

    nodes = 1
    objects = (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {**deployment("web", 2), "metadata": {"name": "web", "namespace": "shop"}},
        {**service("web"), "metadata": {"name": "web", "namespace": "shop"}},
    )

    async def act(self, sim: Simulation) -> None:
        await sim.client.delete(NAMESPACES, "shop")

    def check(self, sim: Simulation) -> Sequence[str]:
        left = [
            one["metadata"]["name"]
            for resource in (NAMESPACES, PODS, DEPLOYMENTS, REPLICA_SETS, SERVICES)
            for one in sim.objects(resource)
            if "shop" in (one["metadata"]["name"], one["metadata"].get("namespace"))
        ]
        return [f"{name} is still there" for name in left]


class Foreground(Scenario):
    """A Deployment is deleted in the foreground: dependants first."""

    nodes = 1
    objects = (deployment("web", 2),)

    async def act(self, sim: Simulation) -> None:
        options = {"propagationPolicy": "Foreground"}
        await sim.client.delete(DEPLOYMENTS, "web", "default", options)

    def check(self, sim: Simulation) -> Sequence[str]:
        left = [
            one["metadata"]["name"]
            for resource in (DEPLOYMENTS, REPLICA_SETS, PODS)
            for one in sim.objects(resource, "default")
        ]
        return [f"{name} is still there" for name in left]


class Orphans(Scenario):
    """A ReplicaSet outlives its Deployment, which is made again and takes it back."""

    nodes = 1
    objects = (deployment("web", 2),)

    async def act(self, sim: Simulation) -> None:
        options = {"propagationPolicy": "Orphan"}
        await sim.client.delete(DEPLOYMENTS, "web", "default", options)
        if await sim.until(lambda: not sim.objects(DEPLOYMENTS, "default"), 1000.0):
            await sim.client.create(DEPLOYMENTS, deployment("web", 2), "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        # Who has not seen yet that the set is free makes another one, as upstream's controller
        # does after a collision of names; the first then has no pods.
        return wrong_number(sim, 2)


class Replicated(Scenario):
    """A ReplicationController is scaled, loses a pod to a stranger, and leaves one behind."""

    nodes = 1
    objects = (
        {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": {"name": "old"},
            "spec": {
                "replicas": 1,
                "selector": {"app": "old"},
                "template": deployment("old", 1)["spec"]["template"],
            },
        },
    )

    async def act(self, sim: Simulation) -> None:
        patch: Json = {"spec": {"replicas": 3}}
        await sim.client.patch(REPLICATION_CONTROLLERS, "old", patch, "default")
        await sim.rest()
        pods = running(sim)
        if pods:
            patch = {"metadata": {"labels": {"app": "other"}}}
            with suppress(NotFound):
                await sim.client.patch(PODS, pods[0]["metadata"]["name"], patch, "default")
        patch = {"spec": {"replicas": 2}}
        await sim.client.patch(REPLICATION_CONTROLLERS, "old", patch, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        ours = [pod for pod in running(sim) if pod["metadata"]["labels"]["app"] == "old"]
        return [] if len(ours) == 2 else [f"{len(ours)} pods run, not 2"]


class Quota(Scenario):
    """Three pods are asked for where a quota allows two, and one makes room for another."""

    nodes = 1
    objects = (
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "few"},
            "spec": {"hard": {"pods": "2", "requests.cpu": "1", "count/configmaps": "3"}},
        },
    )

    async def act(self, sim: Simulation) -> None:
        for number in range(3):
            await self.try_to_make(sim, f"p{number}")
        with suppress(NotFound):  # whatever has become of it
            await sim.client.delete(PODS, "p0", "default", {"gracePeriodSeconds": 0})
        await sim.rest()
        await self.try_to_make(sim, "p3")

    async def try_to_make(self, sim: Simulation, name: str) -> None:
        resources = {"requests": {"cpu": "100m"}}
        container = {"name": "c", "image": "example.com/app:1", "resources": resources}
        pod = {"metadata": {"name": name}, "spec": {"containers": [container]}}
        try:
            await sim.client.create(PODS, pod, "default")
        except Forbidden:
            return

    def check(self, sim: Simulation) -> Sequence[str]:
        pods = len(sim.objects(PODS, "default"))
        return [f"there are {pods} pods, more than 2"] if pods > 2 else []


class Full(Scenario):
    """More pods than the nodes have room for; then some go, and others take their place."""

    nodes = 2
    objects = (deployment("big", 2, cpu="3"),)

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(DEPLOYMENTS, deployment("next", 2, cpu="3"), "default")
        await sim.rest()
        await sim.client.patch(DEPLOYMENTS, "big", {"spec": {"replicas": 0}}, "default")

    def check(self, sim: Simulation) -> Sequence[str]:
        return wrong_number(sim, 2)


def job(name: str, annotations: Json | None = None, **spec: Any) -> Json:
    """A Job of pods that do as their annotations say."""
    told = {f"k8slite.dev/{key}": value for key, value in (annotations or {}).items()}
    container = {"name": "c", "image": "example.com/app:1"}
    template = {
        "metadata": {"annotations": told},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def not_complete(sim: Simulation, name: str) -> Sequence[str]:
    for one in sim.objects(JOBS, "default"):
        if one["metadata"]["name"] == name:
            told = (one.get("status") or {}).get("conditions") or ()
            if any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in told):
                return ()
            return (f"{name} is not over, it says {one.get('status')}",)
    return (f"there is no {name}",)


class Jobs(Scenario):
    """Two Jobs run to their end, one of which loses a pod and is put to sleep for a while."""

    nodes = 2

    async def act(self, sim: Simulation) -> None:
        told = {"exit-after": "10s"}
        indexed = {"completions": 3, "parallelism": 2, "completionMode": "Indexed"}
        await sim.client.create(JOBS, job("indexed", told, **indexed), "default")
        await sim.client.create(JOBS, job("plain", told, completions=3, parallelism=2), "default")
        await sim.until(lambda: len(running(sim)) == 4, 5.0)
        victims = [one for one in running(sim) if one["metadata"]["name"].startswith("plain")]
        with suppress(NotFound, IndexError):  # it may have come to its end
            await sim.client.delete(PODS, victims[0]["metadata"]["name"], "default")
        for suspend in (True, False):
            await sim.client.patch(JOBS, "plain", {"spec": {"suspend": suspend}}, "default")
            await sim.until(lambda: not running(sim), 2.0)

    def check(self, sim: Simulation) -> Sequence[str]:
        return [*not_complete(sim, "plain"), *not_complete(sim, "indexed")]


class FailingJob(Scenario):
    """A Job whose pods fail until it is given up, and one with a limit for each index."""

    nodes = 1

    async def act(self, sim: Simulation) -> None:
        told = {"exit-code": "1", "exit-after": "1s"}
        await sim.client.create(JOBS, job("bad", told, backoffLimit=1, parallelism=2), "default")
        indexed = {"completions": 2, "parallelism": 2, "completionMode": "Indexed"}
        worse = job("worse", told, backoffLimitPerIndex=1, **indexed)
        await sim.client.create(JOBS, worse, "default")
        await sim.until(lambda: not not_complete(sim, "worse"), 200.0)

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [*not_complete(sim, "bad"), *not_complete(sim, "worse")]
        found += [f"{one['metadata']['name']} still runs" for one in running(sim)]
        return found


class ByTheClock(Scenario):
    """A CronJob starts Jobs for four minutes, of which the last two are kept for a while."""

    nodes = 1

    async def act(self, sim: Simulation) -> None:
        spec = {
            "schedule": "* * * * *",
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 2,
            "jobTemplate": {"spec": job("c", {"exit-after": "10s"})["spec"]},
        }
        spec["jobTemplate"]["spec"]["ttlSecondsAfterFinished"] = 600
        await sim.client.create(CRON_JOBS, {"metadata": {"name": "c"}, "spec": spec}, "default")
        await trio.sleep(200)
        # A watch that is held delivers nothing until it ends, after an hour at most.
        await sim.until(lambda: any(self.succeeded(one) for one in sim.objects(CRON_JOBS)), 4000.0)
        await sim.client.patch(CRON_JOBS, "c", {"spec": {"suspend": True}}, "default")
        await sim.until(lambda: False, 100.0)

    def succeeded(self, cron_job: Json) -> bool:
        return "lastSuccessfulTime" in (cron_job.get("status") or {})

    def check(self, sim: Simulation) -> Sequence[str]:
        [cron_job] = sim.objects(CRON_JOBS, "default")
        names = [one["metadata"]["name"] for one in sim.objects(JOBS, "default")]
        found = [problem for name in names for problem in not_complete(sim, name)]
        if len(names) > 2:
            found.append(f"the Jobs {names} are kept")
        active = (cron_job.get("status") or {}).get("active")
        if active:
            found.append(f"{active} are active")
        if not self.succeeded(cron_job):
            found.append("no Job succeeded")
        return found


class Autoscaled(Scenario):
    """Two pods have too much to do, and become four."""

    nodes = 2

    def web(self) -> Json:
        made = deployment("web", 2)
        annotations = {"k8slite.dev/cpu-usage": "160m"}
        made["spec"]["template"]["metadata"]["annotations"] = annotations
        return made

    async def act(self, sim: Simulation) -> None:
        await sim.client.create(DEPLOYMENTS, self.web(), "default")
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4}
        autoscaler = {"metadata": {"name": "web"}, "spec": spec}
        await sim.client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler, "default")
        await sim.until(lambda: len(running(sim)) == 4, 500.0)

    def check(self, sim: Simulation) -> Sequence[str]:
        return wrong_number(sim, 4)


WIDGETS = Resource("e.com", "v1", "widgets", "Widget")


def definition(name: str, plural: str, short: str) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "metadata": {"name": f"{plural}.e.com"},
        "spec": {
            "group": "e.com",
            "scope": "Namespaced",
            "names": {"kind": name, "plural": plural, "shortNames": [short]},
            "versions": [version],
        },
    }


def token_secret(name: str) -> Json:
    annotations = {"kubernetes.io/service-account.name": "robot"}
    metadata = {"name": name, "annotations": annotations}
    return {"metadata": metadata, "type": "kubernetes.io/service-account-token"}


def bootstrap_token(identity: str, days: int) -> Json:
    """A token for signing that is good for so many days from the run's begin."""
    expires = EPOCH + timedelta(days=days, minutes=1)
    data = {
        "token-id": identity,
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-signing": "true",
        "expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"bootstrap-token-{identity}", "namespace": "kube-system"},
        "type": "bootstrap.kubernetes.io/token",
        "stringData": data,
    }


class Custom(Scenario):
    """A definition comes, gets objects, and goes; another one waits for its short name."""

    nodes = 0
    scheduler = False

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, definition("Widget", "widgets", "w"))
        await sim.rest()
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, definition("Wheel", "wheels", "w"))
        for number in range(2):
            widget = {"metadata": {"name": f"w{number}"}, "spec": {"size": number}}
            await self.make(sim, widget)
        await sim.rest()
        with suppress(NotFound):  # the reply to the first attempt may be lost
            await client.delete(CUSTOM_RESOURCE_DEFINITIONS, "widgets.e.com")

    async def make(self, sim: Simulation, widget: Json) -> None:
        """As soon as they are served, if that is soon."""
        for _ in range(60):
            try:
                await sim.client.create(WIDGETS, widget, "default")
            except NotFound:
                await trio.sleep(1)
            else:
                return

    def check(self, sim: Simulation) -> Sequence[str]:
        found = [f"{one['metadata']['name']} is left" for one in sim.objects(WIDGETS, "default")]
        definitions = sim.objects(CUSTOM_RESOURCE_DEFINITIONS)
        names = [one["metadata"]["name"] for one in definitions]
        if names != ["wheels.e.com"]:
            found.append(f"the definitions are {names}")
        for one in definitions:
            conditions = {c["type"]: c["status"] for c in one["status"].get("conditions") or ()}
            if conditions.get("Established") != "True":
                found.append(f"{one['metadata']['name']} is not established")
        return found


class Credentials(Scenario):
    """Accounts and their tokens come and go, and a token that is over signs no more."""

    nodes = 0
    scheduler = False
    objects = (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}},
        bootstrap_token("aaaaaa", 10 * 365),
        bootstrap_token("bbbbbb", 0),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cluster-info", "namespace": "kube-public"},
            "data": {"kubeconfig": "kind: Config"},
        },
    )

    @classmethod
    def settings(cls) -> Settings:
        return evolve(super().settings(), token_key=ec.derive_private_key(7, ec.SECP256R1()))

    async def act(self, sim: Simulation) -> None:
        client = sim.client
        for name in ("first", "second"):
            await client.create(SECRETS, token_secret(name), "default")
        with suppress(NotFound):
            await client.delete(SERVICE_ACCOUNTS, "robot", "default")
        await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}}, "default")
        await client.create(SECRETS, token_secret("third"), "default")
        await client.create(SECRETS, bootstrap_token("cccccc", 1), "kube-system")
        info = {"data": {"kubeconfig": "kind: Config # another"}}
        await client.patch(CONFIG_MAPS, "cluster-info", info, "kube-public")
        with suppress(NotFound):
            await client.delete(CONFIG_MAPS, TRACKING.name, TRACKING.namespace)

    def check(self, sim: Simulation) -> Sequence[str]:
        names = [one["metadata"]["name"] for one in sim.objects(SECRETS, "default")]
        # Those of the first account may have been seen when the second was there already, whose
        # they then become, as upstream's are.
        return [] if "third" in names else [f"the tokens are {names}"]


class UnusedTokens(Scenario):
    """Of three tokens in Secrets one was generated and is used no more: it is marked, then goes."""

    nodes = 0
    scheduler = False
    builtin = (
        "service-account-controller",
        "serviceaccount-token-controller",
        "legacy-serviceaccount-token-cleaner-controller",
    )
    act_seconds = 8 * 86_400.0
    _blind = False  # a fault hid something from somebody until the end
    objects = (
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "robot"},
            "secrets": [{"name": "old"}, {"name": "used"}],
        },
    )

    @classmethod
    def settings(cls) -> Settings:
        key = ec.derive_private_key(7, ec.SECP256R1())
        unused = timedelta(hours=1)
        return evolve(super().settings(), token_key=key, legacy_tokens_unused=unused)

    async def act(self, sim: Simulation) -> None:
        for name in ("old", "used", "manual"):
            secret = token_secret(name)
            if name == "used":
                secret["metadata"]["labels"] = {LAST_USED: "2030-01-01"}
            await sim.client.create(SECRETS, secret, "default")
        # A look a day; one that fails is made up for by the next.
        await sim.until(lambda: "old" not in _secrets(sim), 7 * 86_400.0)
        # Who could not see them all this time looks again in a day, later than anybody waits.
        self._blind = bool(sim.storm.endless)

    def check(self, sim: Simulation) -> Sequence[str]:
        names = _secrets(sim)
        right = names == ["manual", "used"] or (self._blind and names == ["manual", "old", "used"])
        return [] if right else [f"the tokens are {names}"]


def _secrets(sim: Simulation) -> list[str]:
    return sorted(one["metadata"]["name"] for one in sim.objects(SECRETS, "default"))


SCENARIOS = (
    *(
        Web,
        Rollout,
        Scaling,
        Endpoints,
        NamespaceGoes,
        Foreground,
        Orphans,
        Quota,
        Full,
        Custom,
        Replicated,
        Mirrored,
        Jobs,
        FailingJob,
        ByTheClock,
        Autoscaled,
    ),
    Credentials,
    UnusedTokens,
    *NETWORKING,
    *POLICIES,
    *FLOWS,
)
