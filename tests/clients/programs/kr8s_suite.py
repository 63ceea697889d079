"""Runs the suite that the package `kr8s` ships, as it is; its arguments are tests to leave out.

Only what the suite asks for and the package leaves out is put in its place: a cluster (the suite's
own is made by pytest-kind) with a pod in kube-system, and that a test which fails is run again, as
the suite's own settings say: some of its tests race with what is deleted meanwhile. Prints how many
tests ran, and a line for each that does not pass.
"""

import contextlib
import gc
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

FILES = ("test_api.py", "test_auth.py", "test_gen.py", "test_io.py", "test_objects.py")
RUNS = 2
SECONDS_A_RUN = 20
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "kube-apiserver",
        "namespace": "kube-system",
        "labels": {"component": "kube-apiserver"},
    },
    "spec": {"containers": [{"name": "kube-apiserver", "image": "registry.k8s.io/kube-apiserver"}]},
}


class Cluster:
    """The attributes of pytest-kind's cluster that the suite uses."""

    kubeconfig_path = Path(os.environ["KUBECONFIG"])
    kubectl_path = Path(sys.executable).with_name("kubectl")

    def kubectl(self, *arguments, **options):
        command = [str(self.kubectl_path), *arguments]
        return subprocess.check_output(command, encoding="utf-8", **options)


class Plugin:
    """What is given to the suite, and what is written down of its tests."""

    def __init__(self, left_out):
        self.left_out = left_out
        self.ran = 0
        self.failed = {}

    @pytest.fixture(scope="session", autouse=True)
    def k8s_cluster(self):
        cluster = Cluster()
        cluster.kubectl("create", "-f", "-", input=json.dumps(POD))
        cluster.kubectl("wait", "--namespace=kube-system", "--for=condition=Ready", "pod", "--all")
        return cluster

    @pytest.fixture
    def ensure_gc(self):
        gc.collect()
        yield
        gc.collect()

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if item.originalname not in self.left_out]
        self.ran = len(items)

    def pytest_runtest_protocol(self, item, nextitem):
        for _ in range(RUNS):
            item._initrequest()
            signal.alarm(SECONDS_A_RUN)
            reports = runtestprotocol(item, nextitem=nextitem, log=False)
            signal.alarm(0)
            failed = [report for report in reports if report.failed]
            if not failed:
                return True
        self.failed[item.name] = why(failed[0])
        return True


def why(report):
    """The line that says what went wrong, and what kubectl complained of."""
    lines = [line for line in str(report.longrepr).splitlines() if "Error" in line]
    return " ".join([*lines[-1:], *report.capstderr.splitlines()])


def give_up(*_):
    raise TimeoutError(f"not done in {SECONDS_A_RUN} seconds")


signal.signal(signal.SIGALRM, give_up)
tests = Path(importlib.util.find_spec("kr8s").origin).parent / "tests"
plugin = Plugin(sys.argv[1:])
options = [f"--rootdir={tests.parent}", f"--config-file={os.devnull}", "--override-ini"]
options += ["asyncio_mode=auto", "-pno:trio", "-pno:k8slite", "-pno:xdist", "-pno:cacheprovider"]
with contextlib.redirect_stdout(sys.stderr):
    pytest.main([*options, *(str(tests / file) for file in FILES)], plugins=[plugin])
print("ran", plugin.ran)
for name, why in plugin.failed.items():
    print(name, why)
