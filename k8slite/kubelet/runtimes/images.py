"""What well-known images are: what they run, and which files they bring (pure).

An image is known by its name without registry and tag; what it runs is one of the commands that
pretended containers know (`commands`), and the same may be written in a container of any image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from attrs import Factory, frozen

from k8slite.kubelet.pod import Container

IMAGE_BYTES: Final = 42_000_000  # what a pull says to have fetched


@frozen
class Image:
    """What an image is built with."""

    entry_point: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()  # where the container has none
    files: Mapping[str, bytes] = Factory(dict)
    shell: bool = False  # it runs one where somebody types into it
    # Whoever mounts something here has it do what nobody knows.
    configuration: str = ""
    # What it runs by itself is a web server, or does nothing: no task is needed for it.
    quiet: bool = False


@lru_cache(maxsize=1024)
def image_id(image: str) -> str:
    """The digest that a pull of an image says to have fetched."""
    name = image.partition("@")[0]
    head, _, tail = name.rpartition(":")
    digest = hashlib.sha256(image.encode()).hexdigest()
    return f"{head if head and '/' not in tail else name}@sha256:{digest}"


def image_of(name: str) -> Image:
    """What is known of an image; one that is not known has nothing."""
    place, _, last = name.partition("@")[0].rpartition("/")
    found = IMAGES.get(last.partition(":")[0], _UNKNOWN)
    if found.configuration and place not in _PUBLISHERS and not place.endswith(_TESTED):
        return _UNKNOWN  # others put other things under such names
    return found


def quiet_server(container: Container) -> str:
    """The server that a container is, if it is nothing else and nobody looks after it; or ""."""
    image = image_of(container.image)
    if not image.quiet or container.command or container.args or container.stdin:
        return ""
    probes = (container.startup_probe, container.readiness_probe, container.liveness_probe)
    hooks = (container.lifecycle.post_start, container.lifecycle.pre_stop)
    if any(one is not None for one in (*probes, *hooks)) or _is_configured(container, image):
        return ""
    return (*image.entry_point, *image.arguments)[0].removeprefix("/")


def command_of(container: Container) -> tuple[str, ...]:
    """What a container runs, as far as it is known; with references in it."""
    image = image_of(container.image)
    if _is_configured(container, image):
        return ()
    if container.command:
        return (*container.command, *container.args)
    if container.args:
        return (*image.entry_point, *container.args)
    if image.shell and container.stdin:
        return ("sh",)
    return (*image.entry_point, *image.arguments)


def _is_configured(container: Container, image: Image) -> bool:
    where = image.configuration
    return bool(where) and any(one.mount_path.startswith(where) for one in container.volume_mounts)


def _page(title: str, text: str) -> bytes:
    return (
        f"<!DOCTYPE html>\n<html>\n<head>\n<title>{title}</title>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<p>{text}</p>\n</body>\n</html>\n"
    ).encode()


def _animal(name: str) -> Image:
    data = f'{{\n  "image": "{name}.jpg"\n}}\n'.encode()
    release = b'NAME="Alpine Linux"\nID=alpine\nPRETTY_NAME="Alpine Linux"\n'
    picture = {f"/{name}.jpg": b"\xff\xd8\xff\xd9"}
    files = {"/data.json": data, "/etc/os-release": release, **picture}
    return Image(("/agnhost", "test-webserver"), files=files)


_PUBLISHERS: Final = ("", "docker.io", "docker.io/library", "library", "index.docker.io/library")
_TESTED: Final = "/e2e-test-images"
_UNKNOWN: Final = Image()
_SHELL: Final = Image(shell=True)
IMAGES: Final[Mapping[str, Image]] = {
    "agnhost": Image(("/agnhost",), ("pause",), {"/uploads/": b""}),
    "alpine": _SHELL,
    "bash": _SHELL,
    "busybox": _SHELL,
    "debian": _SHELL,
    "fedora": _SHELL,
    "httpd": Image(
        arguments=("httpd-foreground",),
        files={
            "/usr/local/apache2/htdocs/index.html": (
                b"<html><body><h1>It works!</h1></body></html>\n"
            )
        },
        configuration="/usr/local/apache2/conf",
        quiet=True,
    ),
    "jessie-dnsutils": _SHELL,
    "kitten": _animal("kitten"),
    "nautilus": _animal("nautilus"),
    "nginx": Image(
        arguments=("nginx", "-g", "daemon off;"),
        files={
            "/usr/share/nginx/html/50x.html": _page("An error occurred.", "Try again later."),
            "/usr/share/nginx/html/index.html": _page(
                "Welcome to nginx!", "The web server nginx is installed and works."
            ),
        },
        configuration="/etc/nginx",
        quiet=True,
    ),
    "nonewprivs": Image(("/nnp",)),
    "pause": Image(("/pause",), quiet=True),
    "ubuntu": _SHELL,
}
