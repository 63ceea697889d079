"""Runs the suite that the package `kubernetes` ships of its dynamic client, as it is.

Only what it imports and the package leaves out is put in its place: where the cluster is. Prints a
line for each test that does not pass.
"""

import io
import sys
import types
import unittest

from kubernetes import client, config


def configuration():
    found = client.Configuration()
    config.load_kube_config(client_configuration=found)
    return found


base = types.ModuleType("kubernetes.e2e_test.base")
base.get_e2e_configuration = configuration
package = types.ModuleType("kubernetes.e2e_test")
package.base = base
sys.modules["kubernetes.e2e_test"] = package
sys.modules["kubernetes.e2e_test.base"] = base

from kubernetes.dynamic import test_client, test_discovery  # noqa: E402

suite = unittest.TestSuite()
for module in (test_client, test_discovery):
    suite.addTests(unittest.defaultTestLoader.loadTestsFromModule(module))
result = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
print("ran", result.testsRun)
for test, why in (*result.errors, *result.failures):
    print(test.id().rpartition(".")[2], why.strip().splitlines()[-1])
