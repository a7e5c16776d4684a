"""The agent's endpoints, over HTTP against a real server."""
