"""Definitions whose conversion webhook has a bundle of certificates that is none."""

from __future__ import annotations

from base64 import b64encode

import pytest
import trio.testing

from k8slite.live.certificates import Authority
from tests.apiserver.oracle_server import Json, running
from tests.apiserver.test_custom import (
    DEFINITIONS,
    MERGE,
    WIDGETS,
    conditions,
    define,
    definition,
    told,
)

PATH = f"{DEFINITIONS}/widgets.e.com"
BAD = "Cg=="  # one line feed: what many charts had in the place of a bundle
REFUSED = (
    'spec.conversion.webhookClientConfig.caBundle: Invalid value: "Cg==": unable to load root '
    "certificates: unable to parse bytes as PEM block"
)


def client(bundle: str) -> Json:
    service = {"namespace": "default", "name": "converter"}
    return {"clientConfig": {"caBundle": bundle, "service": service}}


def converted(bundle: str) -> Json:
    """A definition that is converted by a webhook with this bundle."""
    found = definition()
    webhook = {**client(bundle), "conversionReviewVersions": ["v1"]}
    found["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}
    return found


def changed(bundle: str) -> Json:
    return {"spec": {"conversion": {"webhook": client(bundle)}}}


@pytest.fixture
def good(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = Authority(tmp_path_factory.mktemp("authority"), durable=False)
    made.prepare(["127.0.0.1"])
    return b64encode(made.bundle.encode()).decode()


async def test_a_definition_with_a_bad_bundle_is_not_served(
    good: str, autojump_clock: object
) -> None:
    async with running() as server:
        await define(server, converted(BAD))
        found = await server.get(PATH)
        assert conditions(found) == {
            "NamesAccepted": ("True", "NoConflicts"),
            "Established": ("False", "InvalidCABundle"),
        }
        message = found["status"]["conditions"][1]["message"]
        assert message == "The conversion webhook CABundle is invalid"
        assert (await server.ask("GET", WIDGETS)).status == 404
        still_bad = await server.ask("PATCH", PATH, changed("bm9uZQ=="), MERGE)
        assert still_bad.status == 200
        assert (await server.ask("PATCH", PATH, changed(good), MERGE)).status == 200
        await trio.testing.wait_all_tasks_blocked()
        found = await server.get(PATH)
        assert conditions(found)["Established"] == ("True", "InitialNamesAccepted")
        assert (await server.ask("GET", WIDGETS)).status == 200


@pytest.mark.parametrize("bundled", [True, False])
async def test_a_bundle_that_is_served_with_may_not_become_bad(
    bundled: bool, good: str, autojump_clock: object
) -> None:
    async with running() as server:
        await define(server, converted(good) if bundled else converted(""))
        assert conditions(await server.get(PATH))["Established"][0] == "True"
        answer = await server.ask("PATCH", PATH, changed(BAD), MERGE)
        assert answer.status == 422
        assert told(answer) == [REFUSED]


async def test_admission_webhooks_may_have_any_bundle(autojump_clock: object) -> None:
    """Upstream finds out when it calls them."""
    webhook = {
        "name": "a.e.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        **client(BAD),
    }
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    async with running() as server:
        made = await server.create(path, {"metadata": {"name": "a"}, "webhooks": [webhook]})
        assert made["webhooks"][0]["clientConfig"]["caBundle"] == BAD
