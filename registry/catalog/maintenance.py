"""The checks that mean maintenance: somebody took a node or a service out of the answers on purpose."""

NODE_MAINTENANCE = "_node_maintenance"
SERVICE_MAINTENANCE = "_service_maintenance:"
"""The ID of the node's check, and the beginning of a service's, as Consul's agent names them."""


def is_maintenance(check_id: str) -> bool:
    """Say whether a check means maintenance, of its service or of the node."""
    return check_id == NODE_MAINTENANCE or check_id.startswith(SERVICE_MAINTENANCE)
