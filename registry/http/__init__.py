"""What all endpoints share: requests, answers, routing, the answer cache, blocking, errors, limits."""
