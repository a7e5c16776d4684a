"""Many watchers of one thing, by the generator in C: parked, then all woken by one change."""

import json
import os
import selectors
from types import TracebackType
from typing import Any

from bench.load.call import Call
from bench.load.native.run import Program
from bench.process import BenchError

CONNECTED_WITHIN_S = 60.0


class Waves:
    """Watchers on connections of their own; a context manager that closes them.

    Args:
        port: of the server.
        watchers: how many connections.
        call: what each of them asks for; the placeholder in it is where the index goes.

    Raises:
        BenchError: they could not be connected.
    """

    def __init__(self, port: int, watchers: int, call: Call) -> None:
        self._watchers = watchers
        self._read = b""
        self._program = Program([call], {"mode": "wave", "port": port, "connections": watchers})
        try:
            self._expect("ready", CONNECTED_WITHIN_S)
        except BenchError:
            self._program.end()
            raise

    def ask(self, index: int, within_s: float) -> None:
        """Have every watcher ask for what is newer than an index; returns when all requests are sent."""
        stdin = self._program.process.stdin
        assert stdin is not None
        stdin.write(f"{index}\n")
        stdin.flush()
        self._expect("sent", within_s)

    def times(self, within_s: float) -> dict[str, float]:
        """Wait for all answers; return when they came: ``first``, ``median``, ``p99``, ``last``.

        The times are those of `time.perf_counter`.

        Raises:
            BenchError: one did not come, or was none.
        """
        found: dict[str, Any] = json.loads(self._line(within_s))
        if found["answers"] != self._watchers:
            raise BenchError(
                f"{found['answers']} of {self._watchers} watchers were answered as they should be; "
                f"{found['error'] or 'the others not in time'}"
            )
        return {name: found[f"{name}_ns"] / 1e9 for name in ("first", "median", "p99", "last")}

    def _expect(self, word: str, within_s: float) -> None:
        line = self._line(within_s)
        if line != word:
            raise BenchError(f"expected {word!r} from the generator, found {line!r}")

    def _line(self, within_s: float) -> str:
        """Return the next line; read past the file object, whose buffer a selector can't see."""
        process = self._program.process
        assert process.stdout is not None
        assert process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._read:
                if not selector.select(within_s):
                    raise BenchError(f"the generator said nothing for {within_s:g} s")
                piece = os.read(process.stdout.fileno(), 65536)
                if not piece:
                    raise BenchError(f"the generator failed: {process.stderr.read().strip()}")
                self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def __enter__(self) -> "Waves":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._program.end()
