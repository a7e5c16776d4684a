"""The mixed load: a fleet of the size asked for, and what it asks for in which order."""

from collections import Counter

import pytest

from bench.mixture import FLIPPED_FROM, LARGEST, Fleet, mixture


def size_of(fleet: Fleet) -> Counter[str]:
    return Counter(service for service, _ in (*fleet.steady, *fleet.restless))


@pytest.mark.parametrize(("services", "instances"), [(50, 200), (273, 1_500), (1_235, 10_000)])
def test_a_fleet_has_its_size_and_a_power_law(services: int, instances: int) -> None:
    fleet = Fleet(services, instances)
    sizes = size_of(fleet)
    assert sizes.total() == instances
    assert sizes.keys() == set(fleet.services)
    assert len(fleet.services) == services
    assert max(sizes.values()) <= LARGEST
    assert all(sizes[service] >= FLIPPED_FROM for service, _ in fleet.restless)
    assert len({instance for _, instance in (*fleet.steady, *fleet.restless)}) == instances
    assert len(list(fleet.registrations())) == instances


def test_a_fleet_is_the_same_every_time() -> None:
    assert Fleet(50, 200).steady == Fleet(50, 200).steady


def test_the_mixture_keeps_the_rates() -> None:
    calls = mixture(Fleet(273, 1_500), 1000, 140, 16, 10, keys=True)
    counts = Counter(call.kind for call in calls)
    assert counts["health/service"] == 5500
    assert counts["catalog/service"] == 1500
    assert counts["key"] == 800
    assert counts["heartbeat"] == 1400
    assert counts["same again"] == 240
    assert counts["flip"] == 80
    assert counts["move"] == 50
    assert counts["put a key"] == 30


def test_without_keys_none_are_asked_for() -> None:
    calls = mixture(Fleet(50, 200), 100, 10, 1, 10, keys=False)
    assert not [call for call in calls if b"/v1/kv/" in call.request]


def test_a_check_fails_before_it_passes_again() -> None:
    calls = mixture(Fleet(273, 1_500), 10, 0.1, 16, 10, keys=False)
    states: dict[bytes, bytes] = {}
    for call in calls:
        if call.kind == "flip":
            path = call.request.split()[1]
            state, _, check = path.removeprefix(b"/v1/agent/check/").partition(b"/")
            assert states.get(check, b"pass") != state
            states[check] = state
