"""A policy travels as the texts of its files, and is the same where it arrives."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from attrs import evolve

from resilience import Policy, PolicyError
from resilience.core.policy import PolicyValues, TelemetrySettings
from resilience.policyfile.packed import PackedPolicyError, packed

BASE = 'schema = 1\nname = "base"\nextends = ["builtin:alibaba-mqtt"]\n[limits]\ndeadline = "60s"\n'
FLEET = """\
schema = 1
name = "fleet"
extends = ["base.toml"]
[ledger]
path = "${LEDGER_FOLDER}/ledger.db"
[env.prod.limits]
deadline = "5m"
"""


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Policy:
    (tmp_path / "base.toml").write_text(BASE, encoding="utf-8")
    (tmp_path / "fleet.toml").write_text(FLEET, encoding="utf-8")
    monkeypatch.setenv("LEDGER_FOLDER", "/a/secret/folder")
    monkeypatch.chdir(tmp_path)
    return Policy.load("fleet.toml", env="prod")


def test_variables_are_read_where_the_policy_arrives(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the files nor the working directory have to be there, and no value of a variable travels."""
    sent = pickle.dumps(packed(policy))
    assert b"secret" not in sent
    for name in ("base.toml", "fleet.toml"):
        Path(name).unlink()
    monkeypatch.chdir("/")
    monkeypatch.setenv("LEDGER_FOLDER", "/here")
    # An environment of that machine does not count.
    monkeypatch.setenv("RESILIENCE_ENV", "staging")
    arrived = pickle.loads(sent).unpacked()  # noqa: S301  # our own bytes
    assert arrived.ledger.path == "/here/ledger.db"
    assert (arrived.digest, arrived.env, arrived.limits) == (policy.digest, "prod", policy.limits)
    assert arrived.rules == policy.rules


def test_a_variable_that_is_not_set_there_is_an_error(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has its place in the file."""
    sent = packed(policy)
    monkeypatch.delenv("LEDGER_FOLDER")
    with pytest.raises(PolicyError, match=r"fleet.toml:5:8: .*LEDGER_FOLDER"):
        sent.unpacked()


def test_the_repr_shows_no_text(policy: Policy) -> None:
    """A task's log shows the repr of its arguments."""
    assert "LEDGER_FOLDER" not in repr(packed(policy))


def test_other_policies_of_the_package_are_noticed(policy: Policy) -> None:
    """The digest says so, and the message says what to do."""
    with pytest.raises(PackedPolicyError, match="install the same version of mqtt-resilience on all machines"):
        evolve(packed(policy), digest="0123456789ab").unpacked()


def test_a_policy_that_was_changed_in_python_is_refused(policy: Policy) -> None:
    """Its texts would say something else; another journal travels beside them."""
    with pytest.raises(PackedPolicyError, match="changed in Python"):
        packed(evolve(policy, ledger=None))
    with pytest.raises(PackedPolicyError, match="made in Python"):
        packed(PolicyValues(name="x", limits=policy.limits, unknown=policy.unknown))
    journal = TelemetrySettings(journal="/calls.jsonl")
    assert packed(evolve(policy, telemetry=journal)).unpacked().telemetry == journal


@pytest.mark.parametrize("policy", [Policy.load("builtin:alibaba-mqtt"), Policy.loads(BASE)], ids=["builtin", "text"])
def test_a_policy_without_a_file_travels_too(policy: Policy) -> None:
    """A builtin one by its name, and a text by itself."""
    assert packed(policy).unpacked().digest == policy.digest
