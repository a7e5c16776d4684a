"""The catalog as plain dictionaries, and tests that hold the program against it."""
