"""Each finding stands where the mistake is. In these policies ⟦ and ⟧ mark the places that are expected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resilience.core.fault import Fault
from resilience.core.plan import Plan
from resilience.policyfile import Policy
from resilience.policyfile.lint import inspect
from resilience.simulation.bounds import worst

TOP = 'schema = 1\nlimits.deadline = "2m"\n'
MARK = re.compile("⟦(RP[0-9]{3}):([^⟧]*)⟧")


def places(text: str) -> tuple[str, list[tuple[str, int, int, int]]]:
    """Return a text without its marks, and what they say: id, line, column and length."""
    expected = []
    while (mark := MARK.search(text)) is not None:
        before = text[: mark.start()]
        expected.append((mark[1], before.count("\n") + 1, mark.start() - before.rfind("\n"), len(mark[2])))
        text = before + mark[2] + text[mark.end() :]
    return text, expected


def look(folder: Path, *texts: str) -> tuple[list[tuple[str, int, int, int]], list[tuple[str, int, int, int]]]:
    """Write files that extend each other, the last one being asked for; return what is found and what is expected."""
    names = [f"file{number}.toml" for number in range(len(texts))]
    expected = []
    for number, (name, text) in enumerate(zip(names, texts, strict=True)):
        extends = f'extends = ["{names[number - 1]}"]\n' if number else ""
        start = "" if "schema" in places(text)[0] else "schema = 1\n" if number else TOP
        plain, marks = places(start + extends + text)
        (folder / name).write_text(plain, encoding="utf-8")
        expected += marks
    found = inspect(folder / names[-1])
    return [(each.rule, each.line, each.column, each.length) for each in found], expected


ONE_FILE = {
    "a-named-action-without-end": """
        schema = 1
        limits.deadline = "none"
        actions.patient = { do = "retry", counts = ⟦RP001:false⟧ }
        rules.alibaba.Throttling = "patient"
    """,
    "an-action-without-end-that-says-max-is-bounded": """
        schema = 1
        limits.deadline = ⟦RP002:"none"⟧
        rules.alibaba.Throttling = { do = "retry", counts = false, max = 3 }
    """,
    "only-fails-need-no-deadline": """
        schema = 1
        limits.deadline = "none"
        rules.alibaba.InvalidParameter = "fail"
    """,
    "a-list-of-no-waits": """
        [backoff.none]
        kind = "list"
        delays = ⟦RP003:["0s", "0s"]⟧
        [rules.alibaba]
        InternalError = { do = "retry", backoff = "none" }
    """,
    "one-immediate-retry-may-be-meant": """
        [backoff.none]
        base = "0s"
        [rules.alibaba]
        InternalError = { do = "retry", backoff = "none", max = 1 }
    """,
    "a-long-wait-in-a-list": """
        schema = 1
        limits.deadline = "1h"
        [backoff.steps]
        kind = "list"
        delays = ["1s", ⟦RP007:"10m"⟧]
        [rules.alibaba]
        InternalError = { do = "retry", backoff = "steps" }
    """,
    "a-long-cap-that-is-never-reached": """
        schema = 1
        limits.deadline = "1h"
        [backoff.steps]
        base = "1s"
        cap = "30m"
        [rules.alibaba]
        InternalError = { do = "retry", backoff = "steps" }
    """,
    "an-environment-with-too-long-attempts": """
        [rules.alibaba]
        InternalError = "retry"
        [env.dev.limits]
        attempt_timeout = ⟦RP008:"60s"⟧
    """,
    "the-throttled-rule-among-others-with-a-fast-backoff": """
        [backoff.fast]
        base = "100ms"
        [rules.alibaba]
        InternalError = { do = "retry", backoff = "fast" }
        Throttling = { do = "retry", backoff = ⟦RP016:"fast"⟧ }
    """,
    "a-backoff-for-throttling-alone": """
        [backoff.fast]
        base = ⟦RP016:"100ms"⟧
        [rules.alibaba]
        Throttling = { do = "retry", backoff = "fast" }
        ApplyTokenOverFlow = { do = "retry", backoff = "fast" }
    """,
    "a-list-that-starts-too-early-for-throttling": """
        [backoff.steps]
        kind = "list"
        delays = ⟦RP016:["200ms", "2s"]⟧
        [backoff.later]
        kind = "list"
        delays = ["1s", "2s"]
        [rules.alibaba]
        Throttling = { do = "retry", backoff = "steps" }
        ApplyTokenOverFlow = { do = "retry", backoff = "later" }
    """,
    "too-many-refreshes": """
        [credentials.alibaba]
        max_refreshes = ⟦RP018:50⟧
    """,
    "a-name-without-room": """
        [actions.new-name]
        do = "rename"
        max_length = ⟦RP019:4⟧
        [rules.alibaba]
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "new-name"
    """,
    "a-name-without-room-for-its-hash": """
        [actions.new-name]
        do = "rename"
        max_length = ⟦RP019:12⟧
        [rules.alibaba]
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "new-name"
    """,
    "a-name-with-just-the-room-for-its-hash": """
        [actions.new-name]
        do = "rename"
        max_length = 14
        [rules.alibaba]
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "new-name"
    """,
    "a-name-that-is-tied-to-nothing": """
        [actions.new-name]
        do = "rename"
        pattern = ⟦RP019:"GID_shared-{n}"⟧
        [rules.alibaba]
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "new-name"
    """,
    "the-same-name-again": """
        [actions.new-name]
        do = "rename"
        pattern = ⟦RP019:"{name}-{hash}"⟧
        [rules.alibaba]
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "new-name"
    """,
    "one-hashed-name": """
        [actions.new-name]
        do = "rename"
        pattern = "{name}-{hash}"
        max = 1
        [rules.alibaba]
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "new-name"
    """,
    "effect-none-where-it-is-unknown": """
        [rules.transport]
        lost = { do = "retry", effect = ⟦RP012:"none"⟧ }
        [rules.alibaba]
        "GetDeviceCredential/InternalError" = { do = "retry", effect = "none" }
    """,
    "a-retry-of-a-doubtful-fault-is-verified-by-itself": """
        [rules.tencent]
        "CreateInstance/InternalError" = "retry"
        [rules.transport]
        lost = "retry"
    """,
    "successes-that-are-none": """
        [rules.alibaba]
        "CreateGroupId/InternalError" = ⟦RP013:"accept"⟧
        "CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", if = ⟦RP013:"always"⟧ }
        "DeleteGroupId/InstanceNotFound" = { do = "accept", if = "always" }
        [rules.tencent]
        "DryRunOperation" = { do = "accept", if = ⟦RP013:"always"⟧ }
        "ResourceNotFound" = { do = "accept", if = ⟦RP013:"always"⟧ }
        "Delete*/ResourceNotFound" = { do = "accept", if = "always" }
    """,
    "a-rehearsal-may-take-what-is-there": """
        [env.staging.rules.alibaba]
        "CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", if = "always" }
    """,
    "production-may-not": """
        [env.prod]
        production = true
        [env.prod.rules.alibaba]
        "CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", if = ⟦RP013:"always"⟧ }
    """,
    "what-does-not-pass": """
        [rules.alibaba]
        "NoPermission" = ⟦RP014:"retry"⟧
        "InvalidParameter.Actions" = ⟦RP014:{ do = "retry", max = 2 }⟧
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = ⟦RP014:"retry"⟧
        "InstanceNotFound" = ⟦RP014:"verify"⟧
        [rules.transport]
        "http-400" = ⟦RP014:"retry"⟧
        "http-404" = "fail"
    """,
    "a-remedy-that-does-not-cure": """
        [rules.alibaba]
        "InvalidParameter" = ⟦RP014:"refresh"⟧
        "CreateGroupId/InvalidParameter.Actions" = ⟦RP014:"rename"⟧
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "rename"
        "CheckAccountInfoFailed" = "refresh"
        "NoPermission" = "refresh"
        [rules.transport]
        "http-403" = "refresh"
        "http-409" = "rename"
    """,
    "a-remedy-that-leads-to-a-blind-retry": """
        [actions.again]
        do = "retry"
        max = 2
        [actions.renew]
        do = "refresh"
        then = "again"
        [actions.stop]
        do = "fail"
        [rules.alibaba]
        "NoPermission" = ⟦RP014:"renew"⟧
        "CheckAccountInfoFailed" = "renew"
        "CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = { do = "rename", then = ⟦RP014:"again"⟧ }
        "CreateGroupId/GroupIdAlreadyExsited" = { do = "accept", then = ⟦RP014:"renew"⟧ }
        "RegisterDeviceCredential/DeviceCredentialExsit" = { do = "accept", then = "stop" }
    """,
    "a-child-that-leads-a-remedy-astray": """
        [actions.again]
        do = "retry"
        [actions.renew]
        do = "refresh"
        [rules.alibaba]
        "InternalError" = "again"
        "NoPermission" = "renew"
        [env.dev.actions.renew]
        then = ⟦RP014:"again"⟧
    """,
    "an-unknown-fault-that-does-not-count": """
        schema = 1
        limits.deadline = "2m"
        unknown = ⟦RP061:"look"⟧
        [actions.look]
        do = "verify"
        counts = false
        [env.dev.actions.look]
        counts = true
    """,
    "a-declared-operation-that-is-misspelled": """
        [operations.tencent]
        ⟦RP072:CreateInstanse⟧ = "duplicate"
        ⟦RP072:createTopic⟧ = "conflict"
        CreateInstance = "duplicate"
        CreateSomethingNew = "duplicate"
        [operations.acme]
        CreateInstanse = "duplicate"
    """,
    "codes-of-a-rehearsal": """
        [chaos]
        seed = 3
        [chaos.tencent]
        ⟦RP023:InternalEror⟧ = { rate = 0.1 }
        ⟦RP023:"CreateTopic/GroupIdAlreadyExsited"⟧ = { rate = 0.1 }
        "InternalError" = { rate = 0.1 }
        "InternalError.OfAKindThatNobodyListed" = { rate = 0.1 }
        "http-503" = { rate = 0.1 }
        "CreateTopic/lost" = { rate = 0.1 }
        [env.dev.chaos.⟦RP062:tencnet⟧]
        "Anything" = { rate = 0.1 }
    """,
    "a-status-of-a-provider-without-a-catalogue": """
        [rules.acme]
        ⟦RP023:"503"⟧ = "retry"
        "5030" = "retry"
        "Busy" = "retry"
        [rules.transport.acme]
        "http-503" = "retry"
    """,
    "a-read-may-lag-behind": """
        [rules.alibaba]
        "GetDeviceCredential/DeviceCredentialNotFound" = { do = "retry", max = 3 }
    """,
    "an-answer-that-was-too-large-may-be-looked-into": """
        [rules.tencent]
        "Create*/ResponseSizeLimitExceeded" = "verify"
    """,
    "what-passes": """
        [rules.alibaba]
        "ServiceUnavailable" = ⟦RP015:"fail"⟧
        [rules.transport]
        "http-429" = ⟦RP015:"fail"⟧
        "unsent" = "fail"
        [env.dev.rules.alibaba]
        "Throttling" = "fail"
    """,
    "keys-that-a-person-has-to-look-at": """
        [rules.tencent]
        "AuthFailure.SignatureExpire" = ⟦RP017:"retry"⟧
    """,
    "a-glob-that-meets-nothing": """
        [rules.alibaba]
        ⟦RP021:"Make*/InternalError"⟧ = "retry"
    """,
    "a-provider-without-a-catalogue-may-name-anything": """
        [rules.acme]
        "Make*/SomeError" = "retry"
        "OtherError" = "retry"
    """,
    "codes-that-nobody-knows": """
        [rules.alibaba]
        ⟦RP023:"InternalErorr"⟧ = "retry"
        "InvalidParameter.Whatever" = "fail"
        ⟦RP023:"InvalidTimeStamp.Expird"⟧ = "fail"
        "InvalidTimeStamp" = "fail"
    """,
    "what-is-no-fault": """
        [rules.alibaba]
        ⟦RP036:CancelledError⟧ = "fail"
        ⟦RP036:TypeError⟧ = "fail"
        [rules.tencent]
        TypeError = "refresh"
    """,
    "attempts-that-do-not-count": """
        [actions.free]
        do = "retry"
        counts = false
        [rules.alibaba]
        "SystemOverFlow" = ⟦RP061:"free"⟧
        "Throttling" = "free"
        "InternalError" = { do = "retry", counts = ⟦RP061:false⟧ }
    """,
    "providers-that-are-misspelled": """
        [rules.⟦RP062:tencnet⟧]
        "InternalError" = "retry"
        [rules.transport.⟦RP062:alibba⟧]
        lost = "retry"
        [operations.⟦RP062:tencnt⟧]
        CreateInstance = "duplicate"
        [operations.tencent]
        CreateTopic = "conflict"
    """,
    "an-overlay-of-a-misspelled-backoff": """
        [backoff.throttled]
        base = "1s"
        [rules.alibaba]
        Throttling = { do = "retry", backoff = "throttled" }
        [env.prod.backoff.⟦RP063:throtled⟧]
        cap = "30s"
    """,
    "an-operation-that-is-taken-lightly": """
        [operations.tencent]
        CreateInstance = ⟦RP064:"conflict"⟧
        CreateTopic = "duplicate"
        MakeThing = "safe"
    """,
    "dead-values-of-an-environment": """
        [limits]
        max_attempts = 4
        [rules.alibaba]
        Throttling = "retry"
        [env.prod.limits]
        max_attempts = ⟦RP034:4⟧
        deadline = ⟦RP034:"2m"⟧
        [env.prod.rules.alibaba]
        Throttling = ⟦RP034:"retry"⟧
        [env.dev.limits]
        max_attempts = 3
    """.replace("[limits]\n        max_attempts = 4", "limits.max_attempts = 4", 1),
    "more-attempts-and-no-timeout": """
        schema = 1
        [limits]
        deadline = "5m"
        attempt_timeout = "10s"
        max_attempts = 3
        [env.prod.limits]
        max_attempts = ⟦RP033:9⟧
        attempt_timeout = ⟦RP033:"none"⟧
    """,
    "mistakes-beside-an-error": """
        [rules.alibaba]
        "Throttling" = ⟦RP040:"rety"⟧
        "NoPermission" = ⟦RP014:"retry"⟧
        [limits]
        ⟦RP024:attempts⟧ = 3
        [rules.⟦RP062:tencnet⟧]
        "InternalError" = { do = "retry", ⟦RP024:mx⟧ = 3 }
    """.replace("[limits]\n        ⟦RP024:attempts⟧ = 3", "[credentials.alibaba]\n        ⟦RP024:attempts⟧ = 3"),
    "numbers-beside-an-error-that-does-not-touch-them": """
        schema = 1
        [limits]
        deadline = "20s"
        attempt_timeout = ⟦RP009:"30s"⟧
        [rules.alibaba]
        "Throttling" = ⟦RP040:"rety"⟧
    """,
    "numbers-beside-an-error-among-them": """
        schema = 1
        [limits]
        deadline = ⟦RP024:20⟧
        attempt_timeout = "30s"
        [rules.alibaba]
        ⟦RP023:Throtling⟧ = "retry"
    """,
    "a-missing-deadline-is-not-an-endless-one": """
        ⟦RP044:s⟧chema = 1
        [rules.alibaba]
        Throttling = { do = "retry", counts = false }
    """,
    "an-unread-array-is-not-guessed-at": """
        [backoff.steps]
        kind = "list"
        delays = ["1s", ⟦RP024:5⟧]
        [rules.alibaba]
        "NoPermission" = ⟦RP014:{ do = "retry", backoff = "steps" }⟧
    """,
}


@pytest.mark.parametrize("text", ONE_FILE.values(), ids=ONE_FILE)
def test_a_finding_points_at_the_mistake(text: str, tmp_path: Path) -> None:
    """Each mistake is found where it is, and nothing else is found."""
    found, expected = look(tmp_path, "\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    assert found == expected


def test_a_rule_that_a_parent_hides_names_the_parent(tmp_path: Path) -> None:
    """A rule for a code of one operation has no effect where a parent has one for that very operation."""
    parent = '[rules.alibaba]\n"CreateGroupId/GroupIdAlreadyExsited" = "accept"\n'
    child = '[rules.alibaba]\n⟦RP021:"GroupIdAlreadyExsited"⟧ = "fail"\n'
    found, expected = look(tmp_path, parent, child)
    assert found == expected
    message = messages(tmp_path)[0]
    assert "CreateGroupId" in message
    assert f"{tmp_path / 'file0.toml'}:4:41" in message


def test_who_changed_an_action_or_a_backoff_is_blamed(tmp_path: Path) -> None:
    """What a file makes of the named things of its parents is its own mistake, said once."""
    parent = """
[backoff.slow]
base = "1s"
[actions.patient]
do = "retry"
backoff = "slow"
[actions.stop]
do = "fail"
[rules.alibaba]
Throttling = "patient"
ApplyTokenOverFlow = "patient"
InternalError = "patient"
NoPermission = "stop"
Forbidden = "stop"
InvalidAccessKeySecret = "stop"
"""
    child = """
[backoff.slow]
base = ⟦RP016:"100ms"⟧
[actions.patient]
counts = ⟦RP061:false⟧
[actions.stop]
do = ⟦RP017:"retry"⟧
"""
    found, expected = look(tmp_path, parent, child)
    assert sorted(found) == sorted([*expected, ("RP014", *expected[2][1:])])
    assert any('"NoPermission" (and 1 more) does not pass by itself' in message for message in messages(tmp_path))


def test_long_lists_are_cut_short(tmp_path: Path) -> None:
    """Three operations are named, and the others are counted; where there are few, all are named."""
    start = "[rules.tencent]\n"
    look(tmp_path, start + 'InternalError = { do = "retry", effect = "none" }\n')
    assert "CreateInstance, CreateMessageEnrichmentRule, DeleteInstance and 5 more twice" in messages(tmp_path)[0]
    look(tmp_path, start + '"*Instance/InternalError" = { do = "retry", effect = "none" }\n')
    assert ": a retry would do CreateInstance, DeleteInstance, ModifyInstance twice" in messages(tmp_path)[0]


def test_a_childs_plain_value_is_not_the_parents_mistake(tmp_path: Path) -> None:
    """An environment of a parent could not know that a file which extends it would say the same."""
    parent = "[env.dev.limits]\nmax_attempts = 4\n"
    assert look(tmp_path, parent, "limits.max_attempts = 4\n")[0] == []


def test_a_missing_parent_invents_nothing(tmp_path: Path) -> None:
    """What may stand in a file that is not there is not judged."""
    text = """
schema = 1
extends = [⟦RP046:"missing.toml"⟧]
[backoff.slow]
base = "0s"
[rules.alibaba]
NoPermission = ⟦RP014:"retry"⟧
InternalError = "patient"
"""
    found, expected = look(tmp_path, text.strip() + "\n")
    assert found == expected


def test_a_parents_environment_that_hides_a_value_is_named(tmp_path: Path) -> None:
    """The finding says which environment hides the value, where that says something else, and what to write."""
    parent = '[env.prod.limits]\ndeadline = "10m"\n[env.prod.rules.alibaba]\nThrottling = "retry"\n'
    child = '[limits]\ndeadline = ⟦RP060:"5m"⟧\n[rules.alibaba]\nThrottling = ⟦RP060:{ do = "retry", max = 2 }⟧\n'
    found, expected = look(tmp_path, parent, child)
    assert found == expected
    assert f'environment prod takes "10m" from {tmp_path / "file0.toml"}:4:12 instead' in messages(tmp_path)[0]
    assert messages(tmp_path)[0].endswith("write it under [env.prod.limits] (in prod)")


def test_the_files_own_environment_may_differ(tmp_path: Path) -> None:
    """What a file's own environments change is what they are for."""
    found, _ = look(tmp_path, '[env.prod.limits]\ndeadline = "10m"\n[env.dev.limits]\ndeadline = "30s"\n')
    assert found == []


def test_a_finding_says_in_which_environments_it_is(tmp_path: Path) -> None:
    """What is found in some environments is said once, with their names."""
    text = (
        TOP
        + '[env.a.limits]\nmax_attempts = 3\n[env.b.limits]\nattempt_timeout = "2m"\n[env.c.limits]\nsettle = "1s"\n'
    )
    (tmp_path / "file.toml").write_text(text, encoding="utf-8")
    (finding,) = inspect(tmp_path / "file.toml")
    assert (finding.rule, finding.line) == ("RP009", 6)
    assert finding.message.endswith("(in b)")
    assert inspect(tmp_path / "file.toml", environments=["a", "c"]) == ()
    (asked,) = inspect(tmp_path / "file.toml", environments=["b"])
    assert not asked.message.endswith(")"), "what holds for all that was asked for needs no name"


def test_an_exception_is_for_one_file_and_has_a_reason(tmp_path: Path) -> None:
    """What a file accepts is not found in it, nor in what it extends; a file that extends it does not accept it."""
    parent = '[rules.alibaba]\nNoPermission = "retry"\n'
    accepting = '[lint]\nignore = { RP014 = "the permission is granted while the script runs" }\n'
    assert look(tmp_path, parent, accepting)[0] == []
    child = '[rules.tencent]\nUnauthorizedOperation = ⟦RP014:"retry"⟧\n'
    found, expected = look(tmp_path, accepting + parent, child)
    assert found == expected


@pytest.mark.parametrize(
    ("ignore", "rule"),
    [
        pytest.param('{ RP014 = "" }', "RP042", id="no-reason"),
        pytest.param("{ RP014 = true }", "RP042", id="reason-is-no-text"),
        pytest.param('["RP014"]', "RP042", id="a-list"),
        pytest.param('{ RP40 = "why" }', "RP024", id="no-id"),
        pytest.param('{ RP040 = "why" }', "RP049", id="an-error"),
    ],
)
def test_an_exception_without_a_reason_is_an_error(ignore: str, rule: str, tmp_path: Path) -> None:
    """Only findings can be accepted, and each needs its reason."""
    found, _ = look(tmp_path, f"[lint]\nignore = {ignore}\n")
    assert [each[:2] for each in found] == [(rule, 4)]


def test_an_exception_for_an_id_that_does_not_exist_is_a_warning(tmp_path: Path) -> None:
    """An id that nobody has given away accepts nothing, in whichever file it stands; the nearest one is named."""
    parent = '[lint]\nignore = { ⟦RP068:RP999⟧ = "why" }\n'
    child = '[lint]\nignore = { ⟦RP068:RP410⟧ = "why" }\n'
    found, expected = look(tmp_path, parent, child)
    assert found == expected
    assert messages(tmp_path) == [
        "no finding has the id RP999, so this accepts nothing; delete this entry",
        'no finding has the id RP410; did you mean "RP041"?',
    ]


def test_a_rename_is_judged_by_the_operations_of_its_code_and_not_by_who_answers_first(tmp_path: Path) -> None:
    """A rule whose code is documented for an operation with a name renames, though a parent's rule answers there."""
    parent = '[rules.alibaba]\n"CreateGroupId/GroupIdAlreadyUsedByOtherUsers" = "fail"\n'
    child = '[rules.alibaba]\n⟦RP021:"GroupIdAlreadyUsedByOtherUsers"⟧ = "rename"\n'
    found, expected = look(tmp_path, parent, child)
    assert found == expected
    nameless = '[rules.alibaba]\n"DeviceCredentialExsit" = ⟦RP065:"rename"⟧\n'
    found, expected = look(tmp_path, nameless)
    assert found == expected


def test_an_exception_for_a_rule_of_another_version_is_kept(tmp_path: Path) -> None:
    """An id that this version never reports may be accepted all the same: another version reports it."""
    assert look(tmp_path, '[lint]\nignore = { RP026 = "no layer around this one retries" }\n')[0] == []


@pytest.mark.parametrize("name", ["alibaba-mqtt", "provisioning", "tencent-mqtt"])
def test_the_shipped_policies_are_clean(name: str) -> None:
    """Nothing is found in the policies that come with the package, in any environment."""
    assert inspect(f"builtin:{name}") == ()


def test_numbers_are_the_machines(tmp_path: Path) -> None:
    """The worst case is the sum of the longest waits and of the timeouts, as the machine would take them."""
    text = """schema = 1
[limits]
deadline = "1m"
attempt_timeout = "10s"
max_attempts = 4
[backoff.slow]
base = "5s"
cap = "10s"
[rules.alibaba]
InternalError = { do = "retry", backoff = "slow" }
"""
    (tmp_path / "file0.toml").write_text(text, encoding="utf-8")
    (message,) = messages(tmp_path)
    assert message.startswith(
        '4 attempts of up to 10s with the waits of the rule alibaba."InternalError" (5 + 10 + 10 s'
    )
    assert "may take 65 s, more than the deadline of 60s" in message


@pytest.mark.parametrize(
    "action",
    [
        pytest.param('{ do = "retry", backoff = "slow" }', id="counted"),
        pytest.param('{ do = "retry", backoff = "slow", max = 2 }', id="few"),
        pytest.param('{ do = "retry", backoff = "slow", counts = false, max = 7 }', id="free"),
    ],
)
def test_the_worst_case_is_the_simulators(action: str, tmp_path: Path) -> None:
    """The number that is printed is what the slowest call takes that the simulator can play."""
    text = (
        'schema = 1\n[limits]\ndeadline = "none"\nattempt_timeout = "10s"\nmax_attempts = 4\n'
        f'[backoff.slow]\nbase = "5s"\ncap = "12s"\n[rules.alibaba]\nInternalError = {action}\n'
    )
    plan = Plan(operation="ListGroupId", provider="alibaba", policy=Policy.loads(text), repeat="safe")
    longest = worst(plan, Fault(provider="alibaba", code="InternalError"))
    (tmp_path / "file0.toml").write_text(text, encoding="utf-8")
    message = next(each.message for each in inspect(tmp_path / "file0.toml") if each.rule == "RP002")
    assert longest.duration is not None
    assert f"{longest.attempts} attempts of up to 10s with their waits are {longest.duration:.4g} s" in message


def messages(folder: Path) -> list[str]:
    """Return what is said of the last file."""
    return [each.message for each in inspect(max(folder.glob("file*.toml")))]
