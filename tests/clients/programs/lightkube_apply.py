"""Server-side apply: two managers of one ConfigMap, a conflict, and force."""

import sys

from lightkube import ApiError, Client
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap

namespace = sys.argv[1]


def settings(**data):
    metadata = ObjectMeta(name="shared", namespace=namespace)
    return ConfigMap(apiVersion="v1", kind="ConfigMap", metadata=metadata, data=data)


one = Client(namespace=namespace, field_manager="one")
two = Client(namespace=namespace, field_manager="two")
one.apply(settings(a="1", b="1"))
two.apply(settings(c="1"))
try:
    two.apply(settings(a="2", c="1"))
except ApiError as error:
    print("conflict:", error.status.message)
found = two.apply(settings(a="2", c="1"), force=True)
print("data:", sorted(found.data.items()))
found = one.apply(settings(b="2"))
print("data:", sorted(found.data.items()))
print("managers:", sorted(entry.manager for entry in found.metadata.managedFields))
for event, obj in one.watch(ConfigMap, fields={"metadata.name": "shared"}):
    print("event:", event, obj.metadata.name)
    break
