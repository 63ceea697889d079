"""For all tests: what Hypothesis draws is the same in every run, and processes start quickly."""

import atexit
import os
import shutil
import sys
import tempfile

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None)
settings.load_profile("repeatable")

if sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" not in os.environ:
    # Workers and tests start hundreds of processes: where compiled modules are not to be kept,
    # each would compile all of k8slite for seconds. They are kept while the tests run.
    compiled = tempfile.mkdtemp(prefix="k8slite-tests-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ["PYTHONPYCACHEPREFIX"] = compiled
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
