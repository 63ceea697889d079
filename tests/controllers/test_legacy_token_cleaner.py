"""Tokens in Secrets that nobody uses: marked first, then deleted, unless there is a reason."""

from __future__ import annotations

from datetime import timedelta

import trio

from k8slite.controllers import CONTROLLERS, chosen_controllers
from k8slite.controllers.identity.legacy_token_cleaner import INVALID_SINCE, LegacyTokenCleaner
from k8slite.controllers.identity.legacy_token_tracking import LAST_USED
from tests.apiserver.oracle_server import Json, running
from tests.apiserver.test_tokens import DEFAULT, SECRETS, token_secret

DAY = 86_400
NAMES = ("idle", "used", "odd", "mounted", "foreign", "manual", "young", "saved")
MERGE = "application/merge-patch+json"
POD: Json = {
    "metadata": {"name": "p"},
    "spec": {
        "containers": [{"name": "c", "image": "example.com/c"}],
        "volumes": [{"name": "v", "secret": {"secretName": "mounted"}}],
    },
}


def secret(name: str) -> Json:
    found = token_secret(name)
    days = {"used": "2026-01-06", "odd": "yesterday"}
    if name in days:
        found["metadata"]["labels"] = {LAST_USED: days[name]}
    return found


async def test_what_is_not_used_goes(autojump_clock: object) -> None:
    chosen = ("serviceaccount-token", "service-account", LegacyTokenCleaner.name)
    unused = timedelta(days=3)
    async with running(controllers=chosen, legacy_tokens_unused=unused) as server:

        async def left() -> dict[str, str]:
            """The tokens, each with the day since which it is invalid."""
            items = (await server.get(SECRETS))["items"]
            metadata = [one["metadata"] for one in items]
            labels = {one["name"]: one.get("labels") or {} for one in metadata}
            return {name: found.get(INVALID_SINCE, "") for name, found in labels.items()}

        await trio.sleep(1)
        named = [{"name": name} for name in NAMES if name not in ("manual", "foreign")]
        await server.create(
            f"{DEFAULT}/serviceaccounts", {"metadata": {"name": "robot"}, "secrets": named}
        )
        for name in NAMES:
            if name != "young":
                await server.create(SECRETS, secret(name))
        await server.create(f"{DEFAULT}/pods", POD)
        await trio.sleep(2 * DAY)
        await server.create(SECRETS, secret("young"))
        await trio.sleep(DAY)
        assert set((await left()).values()) == {""}, "uses are not noted for long enough"
        await trio.sleep(DAY)
        marked = {name: day for name, day in (await left()).items() if day}
        assert marked == {"idle": "2026-01-05", "saved": "2026-01-05"}
        patch = {"metadata": {"labels": {LAST_USED: "2026-02-01", INVALID_SINCE: None}}}
        await server.ask("PATCH", f"{SECRETS}/saved", patch, MERGE)
        await trio.sleep(3 * DAY)
        assert (await left())["idle"] == "2026-01-05", "a mark must be as old"
        await trio.sleep(DAY)
        assert "idle" not in await left()
        assert set(NAMES) - {"idle"} == set(await left())
        await server.ask("DELETE", f"{DEFAULT}/pods/p?gracePeriodSeconds=0")
        await trio.sleep(6 * DAY)
        assert set(await left()) == {"odd", "foreign", "manual", "saved"}


def test_it_has_upstreams_names() -> None:
    name = LegacyTokenCleaner.name
    assert CONTROLLERS[name] is LegacyTokenCleaner
    for one in ("legacy-service-account-token-cleaner", name, f"-{name}"):
        assert chosen_controllers([one])[0].endswith(name)
