"""What is said of uses of tokens: broken and held."""

from __future__ import annotations

from k8slite.controllers.identity.legacy_token_tracking import CONFIG_MAP
from k8slite.sim.checks.credentials import Credentials
from tests.simulation.test_checks import Story, thing


async def test_it_is_said_since_when_uses_of_tokens_are_noted(autojump_clock: object) -> None:
    story = Story(Credentials)
    story.ends_with()
    story.write("namespaces/", thing("kube-system", ""))
    story.ends_with("nothing says since when uses of tokens are noted, but ''")


async def test_tokens_are_marked_before_they_are_deleted(autojump_clock: object) -> None:
    story = Story(Credentials)
    user = "system:controller:legacy-serviceaccount-token-cleaner-controller"
    secret = thing("old", type="kubernetes.io/service-account-token")
    marked = thing("new", type="kubernetes.io/service-account-token")
    marked["metadata"]["labels"] = {"kubernetes.io/legacy-token-invalid-since": "2026-01-01"}
    story.write("secrets/", secret)
    story.write("secrets/", marked)
    story.write("secrets/", None, user=user, name="shop/new")
    story.write("secrets/", None, user=user, name="shop/old")
    story.ends_with("secrets/shop/old was deleted, and had not been marked as invalid")


async def test_a_day_is_enough(autojump_clock: object) -> None:
    story = Story(Credentials)
    story.write("namespaces/", thing("kube-system", ""))
    story.write("configmaps/", thing(CONFIG_MAP.name, "kube-system", data={"since": "2026-01-01"}))
    story.ends_with()
