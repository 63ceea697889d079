"""For all tests: what Hypothesis draws is the same in every run, and processes start quickly."""

import atexit
import os
import shutil
import sys
import tempfile

from hypothesis import HealthCheck, settings

# How long an example takes is a computer's affair, not a test's.
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

if sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" not in os.environ:
    # Workers and tests start hundreds of processes: where compiled modules are not to be kept,
    # each would compile all of k8slite for seconds. They are kept while the tests run.
    compiled = tempfile.mkdtemp(prefix="k8slite-tests-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ["PYTHONPYCACHEPREFIX"] = compiled
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
