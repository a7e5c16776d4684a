"""The conventions that Consul's API inherits from Go.

"consul" in the name of a test or case means that a running Consul 1.8.7 gave that answer; the other
texts are those of Go 1.26.
"""
