"""Tests of definition files, without a server."""
