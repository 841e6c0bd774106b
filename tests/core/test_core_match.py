"""Which rule answers a fault."""

from __future__ import annotations

from itertools import pairwise

import pytest
from core_values import RETRY, fault, plan, policy, rule
from hypothesis import given
from hypothesis import strategies as st

from resilience.core.fault import Fault
from resilience.core.match import RuleTable, lineage, specificity
from resilience.core.policy import Rule

CREATE = "CreateGroupId"


def found(rules: list[Rule], met: Fault, *, operation: str = CREATE, provider: str | None = "alibaba") -> str | None:
    """Return the id of the rule that answers; the same for both orders of the rules."""
    ids = set()
    for ordered in (rules, rules[::-1]):
        match = RuleTable.of(ordered, operation).match(met, provider, operation)
        ids.add(None if match is None else match.id)
    assert len(ids) == 1, ids
    return ids.pop()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("A.B.C", 'alibaba."A.B.C"', id="exact"),
        pytest.param("A.B.C.D", 'alibaba."A.B.C"', id="parent"),
        pytest.param("A.B.X", 'alibaba."A"', id="parents-parent"),
        pytest.param("A", 'alibaba."A"', id="the-top-itself"),
        pytest.param("AB", None, id="a-longer-word-is-no-sub-code"),
        pytest.param("a", None, id="case-counts"),
        pytest.param("X.A", None, id="a-code-covers-what-follows-it"),
        pytest.param("", None, id="empty"),
        pytest.param(".A", None, id="leading-dot"),
    ],
)
def test_the_longest_code_wins(code: str, expected: str | None) -> None:
    """A fault is answered by the rule for its code, else for the code's parent, and so on."""
    rules = [rule("A", RETRY), rule("A.B.C", RETRY)]
    assert found(rules, fault(code)) == expected


@pytest.mark.parametrize(
    ("patterns", "operation", "expected"),
    [
        pytest.param([None, "Create*", CREATE], CREATE, CREATE, id="exact-name"),
        pytest.param([None, "Create*", "Create*Id"], CREATE, "Create*Id", id="more-literal-characters"),
        pytest.param([None, "*"], CREATE, "*", id="a-bare-glob-before-none"),
        pytest.param([None, "Delete*"], CREATE, None, id="none-is-met-by-all"),
        pytest.param(["*GroupId", "Create*"], CREATE, "*GroupId", id="length-not-place"),
        pytest.param(["Create*GroupId", CREATE], CREATE, CREATE, id="exact-before-a-longer-glob"),
        pytest.param(["Create", "create*", "*Group"], CREATE, "absent", id="a-glob-names-all-of-it-in-its-case"),
        pytest.param(["Create?roupId", "[C]reateGroupId", "C.*"], CREATE, "absent", id="only-the-star-is-special"),
    ],
)
def test_the_narrowest_operation_wins(patterns: list[str | None], operation: str, expected: str | None) -> None:
    """Among rules of one code: the exact name, then the glob with more literal characters, then none."""
    rules = [rule("A", RETRY, operation=pattern) for pattern in patterns]
    wanted = None if expected == "absent" else rule("A", RETRY, operation=expected).id
    assert found(rules, fault("A"), operation=operation) == wanted


def test_a_longer_code_beats_a_narrower_operation() -> None:
    """The code is compared first: a rule for the sub-code wins over one for the operation and the parent."""
    rules = [rule("A", RETRY, operation=CREATE), rule("A.B", RETRY)]
    assert found(rules, fault("A.B")) == 'alibaba."A.B"'
    assert found(rules, fault("A.C")) == 'alibaba."CreateGroupId/A"'


def test_a_fault_is_answered_by_the_rules_of_its_own_provider() -> None:
    """A fault's provider is its SDK's; only where the exception does not tell is it the call's."""
    rules = [rule("A", RETRY), rule("A", RETRY, scope="tencent")]
    assert found(rules, fault("A", provider="tencent"), provider="alibaba") == 'tencent."A"'
    assert found(rules, fault("A"), provider="alibaba") == 'alibaba."A"'
    assert found(rules, fault("A"), provider="other") is None
    assert found(rules, fault("A"), provider=None) is None


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(["http-503", "http-5xx", "garbled"], "http-503", id="the-status"),
        pytest.param(["http-5xx", "garbled", "http-502"], "http-5xx", id="then-its-class"),
        pytest.param(["garbled", "http-4xx", "lost"], "garbled", id="then-the-transport"),
        pytest.param(["lost", "unsent", "http-50x"], None, id="then-nothing"),
    ],
)
def test_a_status_is_narrower_than_its_class(keys: list[str], expected: str | None) -> None:
    """``http-503`` comes before ``http-5xx``, and both before ``garbled``."""
    rules = [rule(key, RETRY, scope="transport") for key in keys]
    wanted = None if expected is None else f'transport."{expected}"'
    assert found(rules, Fault(status=503, transport="garbled")) == wanted


def test_a_code_without_a_rule_falls_back_to_its_status() -> None:
    """A code that no rule matches is answered by its status; one that a rule matches never is."""
    rules = [rule("Known", RETRY), rule("http-503", RETRY, scope="transport")]
    assert found(rules, fault("Other", status=503)) == 'transport."http-503"'
    assert found(rules, fault("Known", status=503)) == 'alibaba."Known"'
    assert found(rules, fault("Other", status=500)) is None
    assert found(rules, fault("Other")) is None


def test_a_status_of_one_provider_before_the_class_of_all() -> None:
    """The key is compared before the provider: ``http-503`` for all beats ``http-5xx`` for one."""
    rules = [rule("http-503", RETRY, scope="transport"), rule("http-5xx", RETRY, scope="transport.alibaba")]
    assert found(rules, Fault(status=503)) == 'transport."http-503"'
    assert found(rules, Fault(status=502)) == 'transport.alibaba."http-5xx"'


@pytest.mark.parametrize(
    ("common", "own", "expected"),
    [
        pytest.param(None, None, "transport.tencent", id="the-providers-own"),
        pytest.param(CREATE, None, "transport", id="an-operation-narrows-more"),
        pytest.param(CREATE, CREATE, "transport.tencent", id="own-among-equals"),
        pytest.param("*", "Create*", "transport.tencent", id="the-longer-glob-is-own"),
        pytest.param("Create*", "*", "transport", id="the-longer-glob-is-common"),
        pytest.param("Create*", "Delete*", "transport", id="own-for-another-operation"),
        pytest.param("Delete*", "Create*", "transport.tencent", id="common-for-another-operation"),
        pytest.param("Delete*", "Delete*", None, id="neither"),
    ],
)
def test_a_providers_own_transport_rule_narrows(common: str | None, own: str | None, expected: str | None) -> None:
    """``[rules.transport.tencent]`` narrows, unless the common rule names the operation better."""
    rules = [
        rule("lost", RETRY, scope="transport", operation=common),
        rule("lost", RETRY, scope="transport.tencent", operation=own),
    ]
    table = RuleTable.of(rules, CREATE)
    match = table.match(Fault(transport="lost"), "tencent", CREATE)
    assert (None if match is None else match.scope) == expected


def test_another_providers_transport_rule_is_not_met() -> None:
    """A transport rule of one provider says nothing to a call of another."""
    rules = [rule("lost", RETRY, scope="transport.tencent")]
    assert found(rules, Fault(transport="lost"), provider="alibaba") is None
    assert found(rules, Fault(transport="lost", provider="tencent"), provider="alibaba") == 'transport.tencent."lost"'


def test_a_code_is_no_transport_word() -> None:
    """A service that happens to send the code ``lost`` does not meet the transport rule, nor the reverse."""
    assert found([rule("lost", RETRY, scope="transport")], fault("lost")) is None
    assert found([rule("lost", RETRY)], Fault(transport="lost")) is None


def test_the_last_of_equal_rules_wins() -> None:
    """A table that is given the same rule twice keeps the later one."""
    first, second = rule("A", RETRY), rule("A", RETRY, effect="none")
    assert RuleTable.of([first, second], CREATE).match(fault("A"), "alibaba", CREATE) is second


def test_the_memo_of_answers_is_bounded() -> None:
    """Codes come from servers: ten thousand different ones leave a small memo, and the answers stay right."""
    table = RuleTable.of([rule("A", RETRY)], CREATE)
    for number in range(10_000):
        assert table.match(fault(f"A.{number}"), "alibaba", CREATE) is not None
        assert len(table._memo) <= 1024
    assert table.match(fault("A.0"), "alibaba", CREATE) is not None
    assert table.match(fault("B"), "alibaba", CREATE) is None


def test_an_answer_is_remembered_by_all_that_it_depends_on() -> None:
    """Faults that differ in provider, code, transport or status alone are looked up anew."""
    table = RuleTable.of(
        [
            rule("A", RETRY),
            rule("lost", RETRY, scope="transport"),
            rule("http-503", RETRY, scope="transport"),
        ],
        CREATE,
    )
    questions = [
        (fault("A"), "alibaba", 'alibaba."A"'),
        (fault("A"), "tencent", None),
        (fault("B"), "alibaba", None),
        (Fault(transport="lost"), "alibaba", 'transport."lost"'),
        (Fault(transport="unsent"), "alibaba", None),
        (Fault(transport="unsent", status=503), "alibaba", 'transport."http-503"'),
    ]
    for _ in range(2):  # the second time from the memo
        for met, provider, expected in questions:
            match = table.match(met, provider, CREATE)
            assert (None if match is None else match.id) == expected


def test_a_plan_asks_for_its_own_operation() -> None:
    """A plan matches faults with its policy's rules for its operation and provider."""
    rules = [rule("A", RETRY, operation=CREATE), rule("A", RETRY, operation="DeleteGroupId")]
    facts = plan(policy(*rules))
    assert facts.rule(fault("A")) is rules[0]
    assert facts.rule(fault("B")) is None
    assert list(facts.table.rules()) == [rules[0]]


@given(st.text("AB.", max_size=8))
def test_a_lineage_ends(code: str) -> None:
    """A lineage begins with the code, each next one is a shorter beginning of it, and none is empty."""
    codes = list(lineage(code))
    assert codes[:1] == ([code] if code else [])
    for longer, shorter in pairwise(codes):
        assert longer.rpartition(".")[0] == shorter
    assert "" not in codes


@given(st.text("Cr*", min_size=1, max_size=6), st.text("Cr", min_size=1, max_size=6))
def test_a_name_is_its_own_narrowest_pattern(pattern: str, operation: str) -> None:
    """No pattern names an operation more narrowly than its name, and every pattern more than none."""
    rank = specificity(pattern, operation)
    exact, none = specificity(operation, operation), specificity(None, operation)
    assert exact is not None
    assert none is not None
    if rank is not None:
        assert none < rank <= exact


_CODES = st.lists(st.sampled_from("AB"), min_size=1, max_size=3).map(".".join)
_PATTERNS = st.sampled_from([None, "*", "Create*", CREATE, "Delete*"])


@given(st.dictionaries(st.tuples(_CODES, _PATTERNS), st.just(RETRY), max_size=8), _CODES)
def test_a_match_is_the_best_of_all_that_cover(table: dict[tuple[str, str | None], object], code: str) -> None:
    """The rule that answers is the best by (length of code, narrowness of operation) of all rules that cover it."""
    rules = [rule(each, RETRY, operation=pattern) for each, pattern in table]
    covering = [
        (len(each.code), rank, each.id)
        for each in rules
        if (rank := specificity(each.operation, CREATE)) is not None and (code + ".").startswith(each.code + ".")
    ]
    assert found(rules, fault(code)) == (max(covering)[2] if covering else None)
