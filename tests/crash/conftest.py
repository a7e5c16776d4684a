"""What the crash tests share: how often they kill, and where their randomness comes from."""

import os
import random

import pytest

ROUNDS_VARIABLE = "REGISTRY_CRASH_ROUNDS"
SEED_VARIABLE = "REGISTRY_CRASH_SEED"
ROUNDS = 6


@pytest.fixture
def rounds() -> int:
    """Return how many kills the environment asks for."""
    return int(os.environ.get(ROUNDS_VARIABLE, ROUNDS))


@pytest.fixture
def rng() -> random.Random:
    """Return a source of randomness; its seed is printed, and taken from the environment to repeat a run."""
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**9))
    print(f"{SEED_VARIABLE}={seed}")
    return random.Random(seed)
