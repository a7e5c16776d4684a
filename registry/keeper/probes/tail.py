"""The end of a text that may be long."""


class Tail:
    """Keeps the last bytes of what it is given, like the buffer that Consul keeps outputs in.

    Args:
        limit: how many bytes to keep.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = b""
        self._total = 0

    def add(self, data: bytes) -> None:
        """Take more of the text."""
        self._total += len(data)
        self._kept = (self._kept + data[-self._limit :])[-self._limit :]

    @property
    def kept(self) -> str:
        """The end of the text. Bytes that are not UTF-8 are shown as U+FFFD."""
        return self._kept.decode("utf-8", "replace")

    @property
    def announced(self) -> str:
        """The same, and in front of it how much is missing, if anything is, in Consul's words."""
        if self._total <= self._limit:
            return self.kept
        return f"Captured {self._limit} of {self._total} bytes\n...\n{self.kept}"
