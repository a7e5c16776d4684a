"""The warden against a brute-force account of who was healthy when, over random failures."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keeper_post import Post

from registry.keeper.guard import GuardRules

WINDOW, LIMIT, COUNT = 10.0, 6.0, 5
RULES = GuardRules(share=0.5, window_s=WINDOW, limit_s=LIMIT, min_instances=3)
NAMES = [f"web-{number}" for number in range(COUNT)]

steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 4.0, 7.0, 11.0]),
        st.sampled_from(["passing", "warning", "critical", "critical"]),
        st.sets(st.sampled_from(NAMES), min_size=1, max_size=COUNT),
        st.booleans(),
    ),
    min_size=3,
    max_size=14,
)


class Account:
    """What is known of each instance: its status, since when it fails, and whether that still counts."""

    def __init__(self) -> None:
        self.status = dict.fromkeys(NAMES, "passing")
        self.failed_at: dict[str, float] = {}
        self.held: set[str] = set()
        self.ends = 0.0

    def take(self, now: float, status: str, names: set[str]) -> None:
        for name in names:
            self.status[name] = status
            if status == "passing":
                self.failed_at.pop(name, None)
            else:
                self.failed_at.setdefault(name, now)

    def was_well(self, name: str, now: float) -> bool:
        return self.failed_at.get(name, now) >= now - WINDOW

    def critical(self, names: set[str]) -> set[str]:
        return {name for name in names if self.status[name] == "critical"}

    def judge(self, now: float, changed: set[str]) -> None:
        """Begin a guard for what has just turned, and end one."""
        turned = {name for name in self.critical(set(NAMES)) if self.was_well(name, now)}
        if not self.held and len(turned) > COUNT / 2 and turned & changed:
            self.held = {name for name in NAMES if self.was_well(name, now)}
            self.ends = now + LIMIT
        if self.held and (len(self.critical(self.held)) <= len(self.held) / 2 or now >= self.ends):
            for name in self.held & self.failed_at.keys():
                self.failed_at[name] = float("-inf")
            self.held = set()

    def shown(self) -> set[str]:
        return {name for name in NAMES if self.status[name] == "passing"} | self.held


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(
    [
        (0.0, "critical", {"web-0", "web-1", "web-2"}, True),
        (7.0, "critical", {"web-0"}, False),  # the limit passes
        (1.0, "critical", {"web-3"}, True),
    ]
)
@example(
    [
        (0.0, "critical", {"web-0", "web-1", "web-2"}, True),
        (1.0, "passing", {"web-0"}, False),
        (1.0, "critical", {"web-0"}, True),
    ]
)
@given(steps)
def test_guards_begin_and_end_as_the_account_says(
    sequence: list[tuple[float, str, set[str], bool]],
) -> None:
    """Results come from the keeper itself or from others; others' trip the guard a moment later."""
    with tempfile.TemporaryDirectory() as folder:
        post = Post(Path(folder), RULES)
        post.services("web", count=COUNT)
        post.services("ballast", count=4 * COUNT)
        account = Account()
        for later, status, names, own in sequence:
            post.now += later
            names = {name for name in names if account.status[name] != status}
            account.take(post.now, status, names)
            account.judge(post.now, names if status == "critical" else set())
            if names:
                post.put(status, *names, own=own)
            if own and account.held:
                assert post.guards() == ["web"], "it should have come with the results"
            post.see_to_it()
            assert set(post.shown()) == account.shown()
            assert bool(post.guards()) == bool(account.held)
        post.store.close()
