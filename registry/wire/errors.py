"""What is said when a request body can't be used."""


class DecodeError(ValueError):
    """A body is not JSON, or not of the declared shape.

    ``str()`` is Go's error text without the endpoint's prefix (``Request decode failed: `` on most
    endpoints), which is the caller's to add.
    """
