"""The parts, each timed beside a reference piece of work: `pytest bench/parts`."""
