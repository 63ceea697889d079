"""The controller under everything that may go wrong, and once in a live cluster."""

import base64
import subprocess
import sys
from pathlib import Path

from copies import Copies

import k8slite.testing
from k8slite import CONFIG_MAPS, SECRETS

SOURCE = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "labels": {"copy": "me"}},
    "data": {"a": "1"},
}


class CopiesAreTheSame(k8slite.testing.Scenario):
    """A source is made and changed while faults strike; in the end its copy says the same."""

    nodes = 0
    scheduler = False
    builtin = ("garbage-collector",)
    controllers = (Copies,)

    async def act(self, sim):
        await sim.apply(SOURCE)
        await sim.apply({**SOURCE, "data": {"a": "2", "b": "3"}})

    def check(self, sim):
        copies = {one["metadata"]["name"]: one for one in sim.objects(SECRETS, "default")}
        for source in sim.objects(CONFIG_MAPS, "default"):
            if (source["metadata"].get("labels") or {}).get("copy") != "me":
                continue
            copy = copies.get(source["metadata"]["name"], {})
            found = {k: base64.b64decode(v).decode() for k, v in copy.get("data", {}).items()}
            if found != source["data"]:
                yield f"{source['metadata']['name']} says {source['data']}, its copy {found}"


def test_whatever_goes_wrong_copies_are_the_same():
    report = k8slite.testing.fuzz(CopiesAreTheSame, plans=40)
    assert report.plans >= 40


def test_in_a_live_cluster(k8slite_cluster, k8slite_namespace):
    command = [sys.executable, "-m", "k8slite", "run", "copies:Copies"]
    command += ["--kubeconfig", str(k8slite_cluster.kubeconfig)]
    here = Path(__file__).parent
    with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("copies: running against Kubernetes")
        k8slite_cluster.apply(SOURCE, k8slite_namespace)
        copy = k8slite_cluster.wait_for("secret/settings", "create", k8slite_namespace)
        assert copy["data"] == {"a": base64.b64encode(b"1").decode()}
        process.terminate()
