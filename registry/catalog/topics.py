"""The names of what an answer can depend on.

A topic is also the key of the tombstone that remembers its index after its last object is gone.

    nodes, services, checks   the tables: any node, any instance, any check
    service/<name>            the instances of a service, their checks and their nodes; checks that bear
                              its name although their instance does not, and their nodes
    connect/<name>            the same for the Connect proxies of a service
    node/<name>               a node and the instances on it
    node-checks/<name>        the checks of a node and of everything on it
    level-checks/<name>       a node's node-level checks; only as a tombstone
    guards                    the guards of all services
    guard/<name>              the guard of a service: what answers about Connect proxies of several
                              services depend on besides; `service/<name>` covers the guard too
    coordinates, gateways     nothing is kept there; their index stands still
    floor                     what an unknown name reports that has no tombstone; only as a tombstone.
                              Touched when it rises: answers about unknown names show an old index then

Names are folded.
"""

NODES, SERVICES, CHECKS = "nodes", "services", "checks"
COORDINATES, GATEWAYS = "coordinates", "gateways"
GUARDS = "guards"
FLOOR = "floor"


def service(name_key: str) -> str:
    """Return the topic of a service's instances."""
    return "service/" + name_key


def connect(name_key: str) -> str:
    """Return the topic of the Connect proxies of a service."""
    return "connect/" + name_key


def node(node_key: str) -> str:
    """Return the topic of a node and its instances."""
    return "node/" + node_key


def node_checks(node_key: str) -> str:
    """Return the topic of all checks on a node."""
    return "node-checks/" + node_key


def level_checks(node_key: str) -> str:
    """Return the tombstone of a node's node-level checks."""
    return "level-checks/" + node_key


def guard(name_key: str) -> str:
    """Return the topic of a service's guard against mass failures."""
    return "guard/" + name_key
