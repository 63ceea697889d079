// What the client library for JavaScript sees and does: an informer, patches, apply, exec, logs.
import { PassThrough } from "node:stream";
import * as k8s from "@kubernetes/client-node";

const [namespace] = process.argv.slice(2);
const config = new k8s.KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(k8s.CoreV1Api);
const objects = k8s.KubernetesObjectApi.makeApiClient(config);
const name = "from-node";

const deleted = Promise.withResolvers?.() ?? resolvers();
const informer = k8s.makeInformer(
  config,
  `/api/v1/namespaces/${namespace}/configmaps`,
  () => core.listNamespacedConfigMap({ namespace, labelSelector: "seen=yes" }),
  "seen=yes",
);
for (const verb of ["add", "update", "delete"]) {
  informer.on(verb, (object) => {
    console.log(`${verb}: ${object.metadata.name} ${JSON.stringify(object.data)}`);
    if (verb === "delete") deleted.resolve();
  });
}
await informer.start();

const metadata = { name, labels: { seen: "yes" } };
await core.createNamespacedConfigMap({ namespace, body: { metadata, data: { a: "1" } } });
await core.patchNamespacedConfigMap(
  { name, namespace, body: [{ op: "replace", path: "/data/a", value: "2" }] },
  k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch),
);
const applied = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace }, data: { b: "3" } };
await objects.patch(applied, undefined, undefined, "node", true, k8s.PatchStrategy.ServerSideApply);
const found = await core.readNamespacedConfigMap({ name, namespace });
const owner = found.metadata.managedFields.find((one) => one.manager === "node");
await core.deleteNamespacedConfigMap({ name, namespace });
await deleted.promise;
console.log(`owned: ${JSON.stringify(owner.fieldsV1)}`);

try {
  await core.readNamespacedConfigMap({ name, namespace });
} catch (error) {
  console.log(`refused: ${error.code} ${JSON.parse(error.body).message}`);
}

const pod = (await core.listNamespacedPod({ namespace })).items[0].metadata.name;
const [out, log] = [collected(), collected()];
const ended = Promise.withResolvers?.() ?? resolvers();
await new k8s.Exec(config).exec(
  namespace, pod, "web", ["cat"], out.stream, process.stderr, fed("spoken"), false, ended.resolve,
);
console.log(`exec: ${(await ended.promise).status} ${out.text()}`);
await new k8s.Log(config).log(namespace, pod, "web", log.stream, { follow: false });
await new Promise((resolve) => log.stream.on("end", resolve));
console.log(`log: ${log.text().trim()}`);
process.exit(0); // The informer would watch on.

function collected() {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (data) => (text += data));
  return { stream, text: () => text };
}

function fed(text) {
  const stream = new PassThrough();
  stream.end(text);
  return stream;
}

function resolvers() {
  let resolve;
  const promise = new Promise((ready) => (resolve = ready));
  return { promise, resolve };
}
