"""`k8slite kubeconfig`: print how to reach a cluster, or add it to the user's own kubeconfig."""

from __future__ import annotations

import argparse

import orjson

from k8slite.cli import place
from k8slite.cli.place import Complaint
from k8slite.live import kubeconfig


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `kubeconfig` takes."""
    place.arguments(parser)
    parser.add_argument(
        "--merge", action="store_true", help="add it to $KUBECONFIG or ~/.kube/config"
    )


def run(parsed: argparse.Namespace) -> int:
    """Print or merge it; the cluster need not run."""
    path = place.directory(parsed).kubeconfig
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise Complaint(f"there is no cluster at {path.parent}; `k8slite up` makes one") from None
    except OSError as error:
        raise Complaint(place.reason(error)) from None
    if not parsed.merge:
        print(text, end="")
        return 0
    target = kubeconfig.user_path()
    try:
        config = orjson.loads(text)
        kubeconfig.merge(target, config)
    except orjson.JSONDecodeError:
        raise Complaint(f"{path} is damaged; the next `k8slite up` writes it anew") from None
    except (kubeconfig.Unmergeable, OSError) as error:
        raise Complaint(place.reason(error)) from None
    print(f"The context {config['current-context']} is now current in {target}.")
    return 0
