"""What tests that talk to real server processes share: starting, stopping, asking and comparing."""
