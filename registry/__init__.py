"""A durable service registry that speaks Consul's HTTP API."""

__version__ = "0.1.0"
