"""Killing processes in the middle of writes, and counting what is left."""
