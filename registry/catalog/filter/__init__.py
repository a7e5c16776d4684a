"""The language of Consul's ``?filter=``, by the rules of go-bexpr 0.1.2.

``compile_filter`` turns an expression and the schema of the objects into a predicate. The schemas
name what each endpoint's objects offer for selection.
"""

from registry.catalog.filter.compiler import MAX_LENGTH, Predicate, compile_filter
from registry.catalog.filter.errors import FilterError, FilterSyntaxError
from registry.catalog.filter.objects import (
    CHECK_SERVICE_NODE,
    HEALTH_CHECK,
    NODE,
    NODE_SERVICE,
    SERVICE_NODE,
)
from registry.catalog.filter.schema import Schema

__all__ = [
    "CHECK_SERVICE_NODE",
    "HEALTH_CHECK",
    "MAX_LENGTH",
    "NODE",
    "NODE_SERVICE",
    "SERVICE_NODE",
    "FilterError",
    "FilterSyntaxError",
    "Predicate",
    "Schema",
    "compile_filter",
]
