"""exec and port-forward with the official client, in the pod `web`."""

import sys

from kubernetes import client, config
from kubernetes.stream import portforward, stream

namespace = sys.argv[1]
config.load_kube_config()
core = client.CoreV1Api()
told = {"stdout": True, "stderr": True, "stdin": False, "tty": False}
run = core.connect_get_namespaced_pod_exec
print("echo:", stream(run, "web", namespace, command=["echo", "hi"], **told).strip())
ended = stream(run, "web", namespace, command=["migrate"], _preload_content=False, **told)
ended.run_forever(timeout=90)
print("migrate:", ended.read_stdout(), ended.read_stderr().strip(), ended.returncode)
told["stdin"] = True
shell = stream(run, "web", namespace, command=["sh"], _preload_content=False, **told)
shell.write_stdin("hostname\n")
print("shell:", shell.readline_stdout(timeout=90))
shell.close()
forwarded = portforward(core.connect_get_namespaced_pod_portforward, "web", namespace, ports="80")
socket = forwarded.socket(80)
socket.setblocking(True)
socket.sendall(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
print("forward:", socket.recv(1000).splitlines()[-1].decode())
socket.close()
