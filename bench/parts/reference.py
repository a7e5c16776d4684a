"""Pieces of work to compare with: what they take tells how fast the machine is."""

import os

REFERENCE_KEYS = [f"key-{number}" for number in range(64)]
SYNC_BYTES = 4096


def interpret() -> bytes:
    """The reference for work in memory: some of what the registry does all day, in plain Python."""
    table = {key: key.encode() for key in REFERENCE_KEYS}
    total = 0
    for key in REFERENCE_KEYS:
        total += len(table[key])
    return b",".join([b"%d" % total, *table.values()])


def sync(file: int) -> None:
    """The reference for durable work: the smallest write that survives a power cut."""
    os.pwrite(file, bytes(SYNC_BYTES), 0)
    os.fdatasync(file)
