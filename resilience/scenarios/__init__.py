"""
Tests of a policy, as data.

A test file stands beside a policy, for instance ``mqtt.test.toml`` beside ``mqtt.toml``. It tells stories of calls:
what a call met, and what the policy is to do about it. ``resilience test`` runs such files, and so does any test
runner::

    import pytest
    from resilience.scenarios import check, read

    @pytest.mark.parametrize("scenario", read("mqtt.test.toml").scenarios, ids=str)
    def test_the_policy(scenario):
        assert not check(scenario).differences

A file has:

- ``schema = 1``: the version of this format.
- ``policy``: the file of the policy, relative to this one, or ``builtin:NAME``; or the text of a policy, over several
  lines.
- ``env``: an environment, or several in an array: each scenario is checked in each. Without it, no environment.
- ``[call]``: what the calls can do; a scenario may change some of it with a ``call`` of its own.
- ``[[scenario]]``: ``name``, perhaps ``story`` and ``env``, what the call meets, and what is expected.

``[call]`` has:

===============  ==================================================================================================
``operation``    ``Name`` or ``provider:Name``; required
``provider``     the provider, if the operation does not say it
``repeat``       what a repeat does; default: what the policy or the catalogue says
``verifier``     ``true``, ``"honest"``, ``"found"`` or ``"missing"``: what a verifier answers; default: no verifier
``credentials``  whether there is a source of new credentials, or the providers with one; default: true
``refreshes``    whether refreshes succeed; default: true
``renames``      whether the call can be sent with another name; default: what the policy or the catalogue says
``name``         the name before the first rename; without it every rename succeeds
``ours``         whether an earlier run has started the call, and its end is unknown; default: false
``effects``      a table of codes with their effects, instead of the catalogue's
``latency``      the duration of an attempt; default: ``"100ms"``
===============  ==================================================================================================

A scenario has either ``faults`` or ``steps``. ``faults`` is a script as for ``resilience simulate``: what each attempt
meets. The call is then played on a virtual clock. ``draw`` is the number, or the numbers one after the other, in
[0, 1) from which jitter is taken; default: 0.5. With ``each = ["A", "B"]`` there is one scenario for each text, which
stands for ``{each}`` in the script, the operation and the rules of the expectation. ``expect`` has at least one of:

===============  ==================================================================================================
``ended``        ``success``, ``success_after_retry``, ``accepted``, ``failed``, ``exhausted``, ``refused``
``reason``       the stop reason, such as ``"rule"`` or ``"attempts"``
``requests``     the number of attempts
``decisions``    the verbs of the decisions in order, such as ``["retry", "refresh", "fail"]``
``waits``        the waits of all decisions that lead on, such as ``["1s", "2s", 0]``
``waited``       the sum of the waits
``took``         the duration of the call
``rules``        the ids of the rules that decided, in order; an empty text where none did
``rule``         the id of the rule that decided last
``verified``     whether an accepted call was verified
``may_exist``    whether the call failed in doubt
``effects``      the number of attempts that took effect under the last name
===============  ==================================================================================================

``steps`` tell a story event by event, with the decision that follows each. A step has one event, ``at`` (seconds after
the call began), ``draw``, and ``expect``:

- ``failed``: a fault (``code``, ``status``, ``transport``, ``effect``, ``retry_after``, ``provider``, ``message``), or
  an array of faults for an exception group; ``inner = true`` if a policy inside has decided it.
- ``verified``: ``true`` for "it is there"; ``verifier_failed``: the verifier's own fault.
- ``remedy``: ``refreshed``, ``refresh_failed``, ``renamed`` or ``rename_impossible``.
- ``expect``: ``decision`` (``wait``, ``refresh``, ``rename``, ``verify``, ``accept``, ``fail``) and what is to be said
  of it: ``delay`` of what leads on, ``reason`` of a ``fail``, ``verified`` of an ``accept``, and where it matters
  ``rule``, ``action``, ``provider``, ``number``, ``dry_run`` and ``by_remedy``.
"""

from resilience.scenarios.coverage import Coverage, coverage
from resilience.scenarios.judge import check
from resilience.scenarios.model import Mismatch, Scenario, ScenarioFile, ScenarioResult
from resilience.scenarios.reader import read, read_text
from resilience.scenarios.starter import starter

__all__ = [
    "Coverage",
    "Mismatch",
    "Scenario",
    "ScenarioFile",
    "ScenarioResult",
    "check",
    "coverage",
    "read",
    "read_text",
    "starter",
]
