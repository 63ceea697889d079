"""kubectl with a StorageVersionMigration: all objects are stored in the newest version."""

from __future__ import annotations

from tests.clients.cluster import Kubectl

MIGRATION = """
apiVersion: storagemigration.k8s.io/v1
kind: StorageVersionMigration
metadata:
  name: {name}
spec:
  resource:
    group: apps
    resource: {resource}
"""


def test_a_migration_ends(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-deployments"
    kubectl("create", "-f", "-", given=MIGRATION.format(name=name, resource="deployments"))
    kubectl("wait", "--for=condition=Succeeded", f"storageversionmigration/{name}", "--timeout=90s")
    kubectl("delete", "storageversionmigration", name)


def test_what_is_not_there_cannot_be_migrated(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-widgets"
    kubectl("create", "-f", "-", given=MIGRATION.format(name=name, resource="widgets"))
    kubectl("wait", "--for=condition=Failed", f"storageversionmigration/{name}", "--timeout=90s")
    kubectl("delete", "storageversionmigration", name)
