"""`python -m k8slite` is the command `k8slite`."""

import sys

from k8slite.cli import main

if __name__ == "__main__":
    sys.exit(main())
