"""`k8slite run`: run controllers of your own against any cluster."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from k8slite.cli import place
from k8slite.cli.place import Complaint

if TYPE_CHECKING:
    from k8slite.controllers.custom import Controller


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `run` takes."""
    parser.add_argument(
        "controllers", nargs="+", metavar="MODULE:CONTROLLER", help="k8slite.Controller classes"
    )
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        metavar="FILE",
        help="how to reach the cluster (default: $KUBECONFIG, ~/.kube/config, the pod's account)",
    )
    parser.add_argument("--context", default="", help="of the kubeconfig (default: the current)")
    parser.add_argument("--verbose", action="store_true", help="tell every attempt that fails")


def run(parsed: argparse.Namespace) -> int:
    """Run them until SIGINT or SIGTERM."""
    import trio

    from k8slite.live import remote
    from k8slite.live.access import NoAccess, access
    from k8slite.objects.errors import ApiError

    controllers = _controllers(parsed.controllers)
    logging.basicConfig(
        level=logging.DEBUG if parsed.verbose else logging.INFO,
        format="%(levelname)s %(name)s: %(message)s",
    )
    names = ", ".join(controller.name for controller in controllers)
    try:
        way = access(parsed.kubeconfig, parsed.context)

        def ready(version: str) -> None:
            print(f"{names}: running against Kubernetes {version} at {way.server}", flush=True)

        trio.run(remote.run, controllers, way, ready)
    except* NoAccess as group:
        raise Complaint(place.reason(group)) from None
    except* ConnectionError as group:
        raise Complaint(f"cannot reach the cluster: {place.reason(group)}") from None
    except* ApiError as group:
        raise Complaint(f"{way.server} refuses: {place.reason(group)}") from None
    return 0


def _controllers(names: list[str]) -> list[type[Controller]]:
    from k8slite.controllers.custom import Controller
    from k8slite.fuzz.naming import UnknownName, imported

    found: list[type[Controller]] = []
    for name in names:
        try:
            one = imported(name)
        except UnknownName as error:
            raise Complaint(str(error)) from None
        if not isinstance(one, type) or not issubclass(one, Controller):
            raise Complaint(f"{name} is no class of controllers (k8slite.Controller)")
        if not getattr(one, "name", ""):
            raise Complaint(f"{name} needs a name: name = '...'")
        if any(one.name == other.name for other in found):
            raise Complaint(f"two controllers are named {one.name}")
        found.append(one)
    return found
