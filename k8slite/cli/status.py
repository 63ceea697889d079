"""`k8slite status`: is the cluster ready, and how are its components?"""

from __future__ import annotations

import argparse
import http.client
import re
import urllib.error
import urllib.request
from typing import Final

from k8slite.cli import place
from k8slite.cli.place import Complaint
from k8slite.live.certificates import Authority
from k8slite.live.data_directory import DataDirectory, NoCluster

_ANSWER_SECONDS: Final = 10.0  # a cluster that is this busy is not well


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `status` takes."""
    place.arguments(parser)


def run(parsed: argparse.Namespace) -> int:
    """Print it; the exit code is 1 when the cluster is not ready."""
    directory = place.directory(parsed)
    try:
        state = directory.state()
    except NoCluster as error:
        raise Complaint(str(error)) from None
    if "url" not in state:
        raise Complaint(f"the cluster on {directory.path} (process {state['pid']}) is starting")
    code, readiness = _get(directory, state["url"], "/readyz?verbose")
    print(f"url: {state['url']}")
    print(f"process: {state['pid']}")
    print(f"data directory: {directory.path}")
    print(f"ready: {'yes' if code == 200 else 'no'}")
    if code != 200:
        print(readiness)
    _, metrics = _get(directory, state["url"], "/metrics")
    running = _values(metrics, "k8slite_component_running")
    print("components:")
    for name, restarts in sorted(_values(metrics, "k8slite_component_restarts").items()):
        said = "running" if running.get(name) else "waiting to be restarted"
        print(f"  {name}: {said}, restarts: {restarts:g}")
    return 0 if code == 200 else 1


def _get(directory: DataDirectory, url: str, path: str) -> tuple[int, str]:
    try:
        context = Authority(directory.pki).client_context()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(url + path, timeout=_ANSWER_SECONDS) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise Complaint(f"{url} does not answer: {error}") from None


def _values(metrics: str, name: str) -> dict[str, float]:
    pattern = re.compile(rf'^{name}\{{component="([^"]*)"\}} (\S+)$', re.MULTILINE)
    return {found[1]: float(found[2]) for found in pattern.finditer(metrics)}
