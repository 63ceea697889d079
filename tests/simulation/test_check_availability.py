"""What is said of an APIService's availability: broken and held."""

from __future__ import annotations

from k8slite.sim.checks.availability import Availability
from tests.simulation.test_checks import Json, Story, thing

PREFIX = "apiregistration.k8s.io.apiservices/"


def api_service(
    status: str = "", reason: str = "Local", since: str = "", *, remote: bool = False
) -> Json:
    condition = {
        "type": "Available",
        "status": status,
        "reason": reason,
        "lastTransitionTime": since,
    }
    spec: Json = {"service": {"name": "s"}} if remote else {}
    conditions = [condition] if status else []
    return thing("v1.e.com", "", spec=spec, status={"conditions": conditions})


def test_it_says_since_when() -> None:
    story = Story(Availability)
    story.write(PREFIX, api_service(remote=True))
    story.write(PREFIX, api_service("False", "MissingEndpoints", "1", remote=True))
    story.write(PREFIX, api_service("False", "FailedDiscoveryCheck", "1", remote=True))
    story.write(PREFIX, api_service("True", "Passed", "2", remote=True))
    story.ends_with()
    story.write(PREFIX, api_service("True", "Passed", "3", remote=True))
    story.ends_with("was True before, but says that it has changed")


def test_it_is_said_at_rest() -> None:
    silent = Story(Availability)
    silent.write(PREFIX, api_service())
    silent.ends_with("does not say whether it is available")
    wrong = Story(Availability)
    wrong.write(PREFIX, api_service("False", "Passed", "1"))
    wrong.ends_with("is False because of Passed", "is served here, and is said not to be available")
