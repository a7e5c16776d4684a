"""The warden over a real store: who is guarded, and until when."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from keeper_post import Post

from registry.catalog.guards import HOLD_OFF_KEY
from registry.catalog.rows import CheckRow, ServiceRow
from registry.keeper.guard import GuardRules


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path)
    yield made
    made.store.close()


def names(service: str, *numbers: int) -> list[str]:
    return [f"{service}-{number}" for number in numbers]


def test_half_is_not_more_than_half(post: Post) -> None:
    post.services("web", "api", "db", "mail")
    post.fail(*names("web", 0, 1))
    assert post.guards() == []
    assert post.shown() == ["web-3", "web-2"]
    post.fail("web-2")
    assert post.guards() == ["web"]
    assert sorted(post.shown()) == names("web", 0, 1, 2, 3)
    assert post.row().reason.startswith("3 of its 4 instances turned critical within 10 s")
    assert (post.warden.active, post.warden.trips) == (1, 1)


def test_the_keepers_own_results_bring_the_guard_with_them(post: Post) -> None:
    post.services("web", "api")
    before = post.replica.catalog.index
    post.put("critical", *names("web", 0, 1, 2, 3), own=True)
    assert post.replica.catalog.index == before + 1
    assert post.guards() == ["web"]
    assert len(post.shown()) == 4
    post.see_to_it()
    assert post.warden.trips == 1


def test_who_follows_later_is_held_without_another_write(post: Post) -> None:
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2))
    guard = post.replica.catalog.guards["web"]
    post.now += 30
    post.fail("web-3")
    assert post.replica.catalog.guards["web"].modify == guard.modify
    assert len(post.shown()) == 4


def test_what_fails_slowly_is_believed(post: Post) -> None:
    post.services("web", "api")
    for check in names("web", 0, 1, 2, 3):
        post.fail(check)
        post.now += 11
    assert post.guards() == []
    assert post.shown() == []


def test_what_has_failed_before_is_not_held(post: Post) -> None:
    post.services("web", "api", count=6)
    post.fail("web-0")
    post.now += 60
    post.fail(*names("web", 1, 2, 3, 4, 5))
    assert "web-0" not in {member for members in post.row().held.values() for member in members}
    assert sorted(post.shown()) == names("web", 1, 2, 3, 4, 5)


def test_services_of_fewer_than_three_are_not_guarded(post: Post) -> None:
    post.services("web", count=2)
    post.services("api", "db", count=3)
    post.fail(*names("web", 0, 1))
    assert post.guards() == []


def test_a_share_of_all_checks_guards_every_service_that_has_lost_an_instance(post: Post) -> None:
    post.services("web", "api", "db", "mail")
    post.services("tiny", count=2)
    post.fail(*names("web", 0, 1), *names("api", 0, 1), *names("db", 0, 1), *names("tiny", 0, 1))
    assert post.guards() == []
    post.put("critical", "mail-0", "mail-1")
    post.see_to_it()
    assert post.guards() == ["api", "db", "mail", "web"]
    assert all(post.row(name).everywhere for name in post.guards())
    assert post.row().reason.startswith("10 of all 18 checks turned critical")
    assert [len(post.shown(name)) for name in post.guards()] == [4, 4, 4, 4]
    assert post.shown("tiny") == []
    assert post.warden.trips == 4


def test_a_guard_for_all_checks_goes_on_until_its_own_instances_are_back(post: Post) -> None:
    post.services("web", "api", count=3)
    post.services("more", count=5)
    post.fail("web-0", "api-0", *names("more", 0, 1, 2, 3))
    assert post.row().everywhere
    assert post.guards() == ["api", "more", "web"]
    post.put("passing", "api-0", *names("more", 0, 1, 2, 3))
    post.see_to_it()
    assert post.guards() == ["web"]
    post.put("passing", "web-0")
    post.see_to_it()
    assert post.guards() == []


def test_new_instances_that_begin_critical_are_no_failure(post: Post) -> None:
    post.services("web", count=3)
    draft = post.draft()
    for number in range(10, 40):
        draft.put_service(ServiceRow("n0", f"web-{number}", "web"))
        draft.put_check(CheckRow("n0", f"web-{number}", "critical", f"web-{number}", "web"))
    post.commit(draft)
    post.see_to_it()
    assert post.guards() == []


def test_a_nodes_own_check_takes_down_what_is_on_it(post: Post) -> None:
    post.services("web", "api", count=9)
    draft = post.draft()
    for node in ("n0", "n1"):
        draft.put_check(CheckRow(node, "disk", "passing"))
    post.commit(draft)
    post.put("critical", "disk")
    post.see_to_it()
    assert post.guards() == ["api", "web"]
    assert post.row().reason.startswith("6 of its 9 instances")
    assert len(post.shown()) == 9


def test_maintenance_is_neither_a_failure_nor_held(post: Post) -> None:
    post.services("web", "api", "db")
    draft = post.draft()
    for number, node in ((0, "n0"), (1, "n1"), (2, "n2")):
        draft.put_check(
            CheckRow(node, f"_service_maintenance:web-{number}", "critical", f"web-{number}", "web")
        )
    post.commit(draft)
    post.see_to_it()
    assert post.guards() == []
    post.fail(*names("api", 0, 1, 2, 3))
    draft = post.draft()
    draft.put_check(CheckRow("n1", "_service_maintenance:api-1", "critical", "api-1", "api"))
    post.commit(draft)
    assert sorted(post.shown("api")) == names("api", 0, 2, 3)


def test_it_ends_when_the_share_has_fallen(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2, 3))
    post.put("passing", "web-0")
    post.see_to_it()
    assert post.guards() == ["web"]
    post.put("passing", "web-1")
    post.see_to_it()
    assert post.guards() == []
    assert sorted(post.shown()) == names("web", 0, 1)
    post.see_to_it()
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    prefix = "the guard of service 'web'"
    assert [level for level, _ in told] == ["WARNING", "INFO"]
    assert told[0][1].startswith(f"{prefix} is on: 4 of its 4 instances turned critical within 10 s")
    assert told[1][1] == (
        f"{prefix} has ended: 2 of the 4 instances it is about are critical, no more than its share"
    )


def test_it_ends_with_its_limit_and_the_same_failure_does_not_begin_it_again(tmp_path: Path) -> None:
    post = Post(tmp_path, GuardRules(share=0.5, window_s=10, limit_s=2, min_instances=3))
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2, 3))
    post.now += 1.9
    post.see_to_it()
    assert post.guards() == ["web"]
    post.now += 0.1
    post.see_to_it()
    assert post.guards() == []
    assert post.shown() == []
    # Still within the window: a further failure alone is no reason.
    post.services("web", count=5)
    post.fail("web-4")
    assert post.guards() == []
    post.put("passing", *names("web", 0, 1, 2, 3, 4))
    post.fail(*names("web", 0, 1, 2))
    assert post.guards() == ["web"]
    post.store.close()


def test_it_ends_when_nobody_is_left_whom_it_holds(post: Post) -> None:
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2, 3))
    for number in range(4):
        assert post.guards() == ["web"]
        draft = post.draft()
        draft.remove_instance(post.replica.catalog.nodes[f"n{number % 3}"].instances[f"web-{number}"])
        post.commit(draft)
        post.see_to_it()
    assert post.guards() == []


def test_who_comes_under_the_id_of_one_that_went_is_not_held(post: Post) -> None:
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2, 3))
    draft = post.draft()
    draft.remove_instance(post.replica.catalog.nodes["n1"].instances["web-1"])
    post.commit(draft)
    draft = post.draft()
    draft.put_service(ServiceRow("n1", "web-1", "web"))
    draft.put_check(CheckRow("n1", "web-1", "critical", "web-1", "web"))
    post.commit(draft)
    assert sorted(post.shown()) == names("web", 0, 2, 3)


def test_ended_by_hand_it_does_not_begin_again_until_the_share_has_fallen(post: Post) -> None:
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2))
    post.release()
    assert post.shown() == ["web-3"]
    post.fail("web-3")
    assert post.row().released
    assert (post.shown(), post.warden.active) == ([], 0)
    post.put("passing", *names("web", 0, 1, 2, 3))
    post.see_to_it()
    assert post.guards() == []
    post.fail(*names("web", 0, 1, 2))
    assert (post.warden.active, post.warden.trips) == (1, 2)


def test_ended_by_hand_everywhere_no_other_begins_meanwhile(post: Post) -> None:
    post.services("web", "api", "db")
    post.fail(*names("web", 0, 1, 2, 3))
    draft = post.draft()
    draft.put_guard(msgspec.structs.replace(post.row(), released=True))
    draft.put_meta(HOLD_OFF_KEY, b"%d" % post.row().ends_ms)
    post.commit(draft)
    post.fail(*names("api", 0, 1, 2, 3))
    assert post.guards() == ["web"]
    post.put("passing", *names("web", 0, 1, 2, 3))
    post.see_to_it()
    assert post.guards() == []
    assert post.replica.catalog.meta[HOLD_OFF_KEY] == b""
    post.fail(*names("db", 0, 1, 2, 3))
    assert post.guards() == ["db"]


def test_who_takes_over_goes_on_with_what_is_on(post: Post) -> None:
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2, 3))
    began = post.row().began_ms
    post.now += 30
    post.appoint()
    post.see_to_it()
    assert post.guards() == ["web"]
    assert post.row().began_ms == began
    post.now += 30
    post.see_to_it()
    assert post.guards() == []


def test_what_failed_while_nobody_watched_counts_as_old(post: Post) -> None:
    post.services("web", "api")
    post.replica.on_checks(lambda keys: None)
    post.put("critical", *names("web", 0, 1, 2, 3))
    post.appoint()
    post.see_to_it()
    post.fail("api-0")
    assert post.guards() == []


def test_switched_off_it_clears_away_what_was_on(post: Post) -> None:
    post.services("web", "api")
    post.fail(*names("web", 0, 1, 2, 3))
    post.appoint(GuardRules(0.0, 10, 60, 3))
    post.see_to_it()
    assert post.guards() == []
    post.put("passing", *names("web", 0, 1, 2, 3))
    post.fail(*names("web", 0, 1, 2, 3))
    assert post.guards() == []
