"""Every known difference is still one; runs last."""

import pytest
from harness.consul import consul_binary

from differential.conftest import HERE, LEFT_OUT, SUBJECT_IS_CONSUL
from differential.known_differences import RULES, KnownDifferences


def test_names_are_unique_and_reasons_given() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(len(rule.reason) > 20 for rule in RULES)


def test_every_rule_was_needed(request: pytest.FixtureRequest, known: KnownDifferences) -> None:
    """A rule that explains nothing in a full run hides nothing any more and must go."""
    consul_binary()  # skips where there is no Consul to differ from
    if SUBJECT_IS_CONSUL:
        pytest.skip("Consul is compared with itself, without rules")
    missing = set(HERE.glob("test_*.py")) - {item.path for item in request.session.items}
    if missing or LEFT_OUT or any("::" in argument for argument in request.config.args):
        pytest.skip("only a part of the differential tests was run")
    unused = [rule.name for rule in known.rules if not known.fired[rule.name]]
    assert not unused, f"these known differences did not show in a full run, remove them: {unused}"
