"""Commands that ask a running registry: who is asked and how, and one file for each command."""
