"""The reads that show all there is to see of a service, a node or an agent."""


def of_service(name: str) -> tuple[str, ...]:
    """Return every catalog and health read of a service name."""
    return (
        f"/v1/catalog/service/{name}",
        f"/v1/health/service/{name}",
        f"/v1/health/service/{name}?passing",
        f"/v1/health/checks/{name}",
        f"/v1/agent/health/service/name/{name}",
        f"/v1/catalog/connect/{name}",
        f"/v1/health/connect/{name}",
    )


def of_node(name: str) -> tuple[str, ...]:
    """Return every catalog and health read of a node name."""
    return f"/v1/catalog/node/{name}", f"/v1/catalog/node-services/{name}", f"/v1/health/node/{name}"


AGENT = ("/v1/agent/services", "/v1/agent/checks")
TABLES = ("/v1/catalog/nodes", "/v1/catalog/services", "/v1/health/state/any")
OWN_NODE = of_node("node-a")
EVERYTHING = (*AGENT, *TABLES, *OWN_NODE)
