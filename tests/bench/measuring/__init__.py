"""Tests of what measures: the load generator and the reports."""
