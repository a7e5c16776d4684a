"""The same requests to a real Consul and to the registry, answers compared field by field.

Set REGISTRY_TEST_CONSUL to the path of a Consul 1.8.7 binary to run these tests. Set
REGISTRY_TEST_SUBJECT=consul as well to compare that Consul with a second one of the same kind, without
any of the known differences: it proves that the comparison itself finds nothing that is not there.
"""
