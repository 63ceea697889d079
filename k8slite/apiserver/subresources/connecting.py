"""Admission of connections: of what a client opens into something that runs, there is no object.

Admission sees the options of the connection instead (operation CONNECT; upstream:
`endpoints/handlers/rest.go` ConnectResource).
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from k8slite.apiserver.attributes import Attributes
from k8slite.apiserver.request_info import flag
from k8slite.apiserver.verbs import Call, Verbs
from k8slite.kinds.kind import Subresource

Json = dict[str, Any]


async def admit(verbs: Verbs, call: Call, kind: str, options: Json) -> None:
    """Raises what admission has against a connection with such options."""
    document = {"kind": kind, "apiVersion": "v1", **options}
    part = Subresource(call.info.subresource, kind, version="v1")
    asked = evolve(call.asked(call.kind), dry_run=False)
    attributes = Attributes(asked, "CONNECT", document, None, document=part)
    chain = verbs.registry.chain
    await chain.mutate(attributes)
    await chain.validate(attributes)


def stream_options(call: Call) -> tuple[str, Json]:
    """The options of exec, attach and portforward, and how their kind is called.

    As upstream decodes them: what is false or empty is left out, and both outputs are wanted
    whatever the client says.
    """
    request, name = call.request, call.info.subresource
    if name == "portforward":
        ports = [
            int(port)
            for key, value in request.query
            for port in value.split(",")
            if key == "ports" and port.isdecimal()
        ]
        return "PodPortForwardOptions", {"ports": ports} if ports else {}
    options: Json = {key: True for key in ("stdin", "tty") if flag(request.parameter(key))}
    options |= {"stdout": True, "stderr": True}
    if request.parameter("container"):
        options["container"] = request.parameter("container")
    if name == "attach":
        return "PodAttachOptions", options
    command = [value for key, value in request.query if key == "command"]
    return "PodExecOptions", {**options, "command": command}
