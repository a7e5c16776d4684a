"""What Consul's HTTP API inherits from Go: durations, booleans, quoting, and JSON in and out.

A leaf package: it imports nothing of the project. "Go" in the texts below means the standard
library that Consul is built with; where its releases differ in an error text, the newest one counts.
"""
