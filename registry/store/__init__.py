"""Durable rows, ordered changes and the log that every process learns them from."""
