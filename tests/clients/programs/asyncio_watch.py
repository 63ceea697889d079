"""Objects made and watched by the asyncio client."""

import asyncio
import sys

from kubernetes_asyncio import client, config, watch

namespace = sys.argv[1]


async def main():
    await config.load_kube_config()
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        listed = await core.list_namespaced_config_map(namespace)
        body = {"metadata": {"name": "seen"}, "data": {"a": "1"}}
        await core.create_namespaced_config_map(namespace, body)
        await core.patch_namespaced_config_map("seen", namespace, {"data": {"a": "2"}})
        await core.delete_namespaced_config_map("seen", namespace)
        async with watch.Watch() as stream:
            async for event in stream.stream(
                core.list_namespaced_config_map,
                namespace,
                resource_version=listed.metadata.resource_version,
                timeout_seconds=20,
            ):
                if event["object"].metadata.name == "seen":
                    print(event["type"], event["object"].data)
                    if event["type"] == "DELETED":
                        return


asyncio.run(main())
