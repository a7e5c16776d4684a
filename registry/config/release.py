"""The release of Consul whose HTTP API is followed."""

CONSUL_RELEASE = "1.21.3"
