"""What a refused filter expression raises."""

_PREFIX = "Failed to create boolean expression evaluator: "


class FilterError(ValueError):
    """A filter expression that cannot be used.

    ``str()`` is the whole text Consul answers with. ``detail`` is the same without the leading
    "Failed to create boolean expression evaluator: ", which is what Consul's ``agent/checks``
    shows for an expression that parses but does not fit a health check.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(_PREFIX + detail)
        self.detail = detail


class FilterSyntaxError(FilterError):
    """An expression that does not parse, or is too long or too deep to be parsed.

    Consul finds these before it looks at any object, so even ``agent/checks`` answers the whole
    text, and does so when there is no check at all.
    """
