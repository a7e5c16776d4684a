"""The in-memory state: records, indexes, views and the filter language. No I/O, no clock of its own."""
