"""Measuring the registry: `python -m bench` for the whole, `pytest bench/parts` for the parts."""
