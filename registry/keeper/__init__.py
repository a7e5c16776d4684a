"""Duties that exactly one process has: running health checks, expiring and reaping what failed them."""
