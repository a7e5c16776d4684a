"""Every known difference is still one; runs last."""

from pathlib import Path

import pytest

from differential.conftest import HERE, SUBJECT_IS_CONSUL
from differential.known_differences import RULES, KnownDifferences


def test_names_are_unique_and_reasons_given() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(len(rule.reason) > 20 for rule in RULES)


def test_every_rule_was_needed(request: pytest.FixtureRequest, known: KnownDifferences) -> None:
    """A rule that explains nothing in a full run hides nothing any more and must go."""
    if SUBJECT_IS_CONSUL:
        pytest.skip("Consul is compared with itself, without rules")
    missing = sorted(_all_tests() - {item.path for item in request.session.items})
    if missing or _narrowed(request.config):
        pytest.skip("only a part of the differential tests was run")
    unused = [rule.name for rule in known.rules if not known.fired[rule.name]]
    assert not unused, f"these known differences did not show in a full run, remove them: {unused}"


def _all_tests() -> set[Path]:
    return set(HERE.glob("test_*.py"))


def _narrowed(config: pytest.Config) -> bool:
    """Say whether single tests were asked for."""
    return bool(config.option.keyword) or any("::" in argument for argument in config.args)
