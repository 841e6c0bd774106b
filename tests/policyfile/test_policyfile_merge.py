"""How files and environments merge, and how every effective value remembers where it was set."""

from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError

HEAD = 'schema = 1\n[limits]\ndeadline = "2m"\n'
LIMITS = 'limits.deadline = "2m"\n'


def write(folder: Path, **files: str) -> Path:
    """Write files, and return the last one; each gets the schema line that it needs."""
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(f"schema = 1\n{text}", encoding="utf-8")
    return folder / f"{name}.toml"


def test_files_merge_in_the_order_of_extends_and_then_the_file_itself(tmp_path: Path) -> None:
    """The later file wins, and a file that is reached twice counts where it is first reached."""
    path = write(
        tmp_path,
        common='name = "common"\nlimits.deadline = "1s"\nlimits.max_attempts = 1\nlimits.settle = "1s"',
        left='extends = ["common.toml"]\nname = "left"\nlimits.deadline = "2s"\nlimits.max_attempts = 2',
        right='extends = ["common.toml", "left.toml"]\nlimits.deadline = "3s"',
        top='extends = ["left.toml", "right.toml"]\nlimits.attempt_timeout = "4s"',
    )
    policy = Policy.load(path)
    assert [Path(name).stem for name in policy.sources] == ["common", "left", "right", "top"]
    limits = policy.limits
    assert (limits.deadline, limits.max_attempts, limits.settle, limits.attempt_timeout) == (3.0, 2, 1.0, 4.0)
    assert policy.name == "left"
    origin = policy.origin("limits", "deadline")
    assert origin is not None
    assert (Path(origin.file).name, origin.line, origin.column) == ("right.toml", 3, 19)


def test_an_environment_of_any_file_beats_every_plain_value(tmp_path: Path) -> None:
    """Environments merge after all files, in the order of the files."""
    path = write(
        tmp_path,
        base='limits.deadline = "1s"\n[env.prod.limits]\ndeadline = "10s"\nmax_attempts = 9\nsettle = "9s"',
        top='extends = ["base.toml"]\n[limits]\ndeadline = "2s"\nmax_attempts = 2\n[env.prod]\nlimits.settle = "8s"',
    )
    plain, prod = Policy.load(path), Policy.load(path, env="prod")
    assert (plain.limits.deadline, plain.limits.max_attempts) == (2.0, 2)
    assert (prod.limits.deadline, prod.limits.max_attempts, prod.limits.settle) == (10.0, 9, 8.0)
    origins = [prod.origin("limits", key) for key in ("deadline", "max_attempts", "settle")]
    assert [(Path(each.file).stem, each.line) for each in origins if each] == [("base", 4), ("base", 5), ("top", 7)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param('do = "retry"\nmax = 3', "max = 4\ncounts = false", ("retry", 4, False), id="by-key"),
        pytest.param('do = "retry"\nmax = 3', 'do = "retry"\ncounts = false', ("retry", 3, False), id="same-verb"),
        pytest.param('do = "retry"\nmax = 3', 'do = "verify"', ("verify", None, True), id="another-verb"),
    ],
)
def test_an_action_merges_by_key_unless_its_verb_differs(
    tmp_path: Path, first: str, second: str, expected: tuple[str, int | None, bool]
) -> None:
    """With another verb nothing of the earlier action is left."""
    path = write(
        tmp_path,
        base=f"{LIMITS}[actions.a]\n{first}",
        top=f'extends = ["base.toml"]\n[actions.a]\n{second}',
    )
    policy = Policy.load(path)
    action = policy.actions["a"]
    assert (action.do, action.max, action.counts) == expected
    origin = policy.origin("actions", "a", "max")
    assert (origin is None) == (expected[1] is None)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param('base = "1s"', 'cap = "9s"', ("exponential", 1.0, 9.0), id="by-key"),
        pytest.param('base = "1s"', 'kind = "exponential"\ncap = "9s"', ("exponential", 1.0, 9.0), id="default-kind"),
        pytest.param('base = "1s"\nfactor = 3', 'kind = "linear"', ("linear", 0.5, 20.0), id="another-kind"),
        pytest.param('kind = "list"\ndelays = ["1s"]', 'kind = "constant"', ("constant", 0.5, 20.0), id="from-list"),
    ],
)
def test_a_backoff_merges_by_key_unless_its_kind_differs(
    tmp_path: Path, first: str, second: str, expected: tuple[str, float, float]
) -> None:
    """With another kind nothing of the earlier backoff is left; a backoff without a kind is exponential."""
    path = write(
        tmp_path,
        base=f"{LIMITS}[backoff.b]\n{first}",
        top=f'extends = ["base.toml"]\n[backoff.b]\n{second}',
    )
    policy = Policy.load(path)
    backoff = policy.backoffs["b"]
    assert (backoff.kind, backoff.base, backoff.cap) == expected
    origin = policy.origin("backoff", "b", "base")
    assert (origin is None) == (backoff.base == 0.5)


def test_a_rule_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing of an earlier inline action is left in the one that replaces it, in no table of rules."""
    path = write(
        tmp_path,
        base=LIMITS + '[rules.acme]\nA = { do = "retry", max = 3, effect = "none" }\nB = "fail"\n'
        '[rules.transport]\nlost = { do = "retry", max = 3 }\n[rules.transport.acme]\nlost = { do = "retry", max = 3 }',
        top='extends = ["base.toml"]\n[rules.acme]\nA = { do = "retry" }\n'
        '[rules.transport]\nlost = { do = "retry" }\n[rules.transport.acme]\nlost = "fail"',
    )
    policy = Policy.load(path)
    rules = {(rule.scope, rule.code): rule for rule in policy.rules}
    assert list(rules) == [("acme", "A"), ("acme", "B"), ("transport", "lost"), ("transport.acme", "lost")]
    replaced = rules["acme", "A"]
    assert (replaced.action.max, replaced.effect) == (None, None)
    assert [Path(rule.origin.file).stem for rule in policy.rules if rule.origin] == ["top", "base", "top", "top"]
    assert policy.origin("rules", "acme", "A", "max") is None
    assert policy.origin("rules", "transport", "lost", "max") is None
    assert policy.origin("rules", "transport", "acme", "lost", "max") is None
    assert policy.origin("rules", "acme", "A", "do") is not None


def test_a_base_may_use_names_that_only_the_file_above_defines(tmp_path: Path) -> None:
    """Names are looked up when all files are merged."""
    path = write(
        tmp_path,
        base=LIMITS + '[rules.acme]\nA = "patient"\nB = { do = "retry", backoff = "slow" }',
        top='extends = ["base.toml"]\nactions.patient.do = "retry"\nbackoff.slow.base = "3s"',
    )
    named, inline = Policy.load(path).rules
    assert named.action.key == "patient"
    assert inline.action.backoff is not None
    assert inline.action.backoff.base == 3.0


def test_the_default_backoff_can_be_changed_for_everything_that_uses_it() -> None:
    """``[backoff.default]`` reaches the ready-made actions and the inline ones."""
    policy = Policy.loads(HEAD + '[backoff.default]\nbase = "7s"\n[rules.acme]\nA = "retry"\nB = { do = "verify" }')
    assert {rule.action.backoff.base for rule in policy.rules if rule.action.backoff} == {7.0}
    assert policy.actions["refresh"].backoff is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('do = "retry"', ("default", True, None), id="retry"),
        pytest.param('do = "refresh"', (None, False, None), id="refresh"),
        pytest.param('do = "rename"', (None, False, 5), id="rename"),
        pytest.param('do = "verify"', ("default", True, None), id="verify"),
        pytest.param('do = "accept"', (None, False, None), id="accept"),
        pytest.param('do = "fail"', (None, False, None), id="fail"),
        pytest.param('do = "rename", backoff = "default", counts = true, max = 2', ("default", True, 2), id="said"),
    ],
)
def test_an_action_has_the_documented_defaults(text: str, expected: tuple[str | None, bool, int | None]) -> None:
    """An inline action and a named one get the same defaults for wait, count and uses."""
    named = f"actions.a = {{ {text} }}\n"
    policy = Policy.loads(f'schema = 1\nlimits.deadline = "none"\n{named}rules.acme.A = {{ {text} }}')
    for action in (policy.rules[0].action, policy.actions["a"]):
        assert (action.backoff and action.backoff.name, action.counts, action.max) == expected


def test_rules_share_a_named_action_and_own_an_inline_one() -> None:
    """A named action has one counter for all its rules, also where a rule adds an effect; an inline one its own."""
    rules = Policy.loads(
        HEAD + '[actions.patient]\ndo = "retry"\n[rules.acme]\nA = "patient"\nB = { do = "patient", effect = "none" }\n'
        'C = { do = "retry" }\nD = { do = "retry" }\nE = "retry"\n'
    ).rules
    keys = [rule.action.key for rule in rules]
    assert keys == ["patient", "patient", 'rules.acme."C"', 'rules.acme."D"', "retry"]
    assert [rule.effect for rule in rules] == [None, "none", None, None, None]


def test_values_that_python_calls_equal_are_told_apart() -> None:
    """``true`` is no 1: an inline action that was right once is checked again where the type differs."""
    with pytest.raises(PolicyError, match="expected a whole number, got true"):
        Policy.loads(HEAD + '[rules.acme]\nA = { do = "retry", max = 1 }\nB = { do = "retry", max = true }\n')


def test_a_wrong_rule_that_another_file_replaces_is_reported_all_the_same(tmp_path: Path) -> None:
    """A base is wrong also where nobody sees it."""
    path = write(
        tmp_path,
        base=LIMITS + '[rules.acme]\nA = "nonsense"',
        top='extends = ["base.toml"]\n[rules.acme]\nA = "fail"',
    )
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    assert [Path(problem.file).name for problem in caught.value.problems] == ["base.toml"]


@pytest.mark.parametrize(
    ("one", "other", "is_equal"),
    [
        pytest.param("", 'name = "x"', True, id="name"),
        pytest.param("rules.acme.A = 'fail'", '[rules.acme]\n# why\n"A" = "fail"', True, id="spelling"),
        pytest.param(
            'rules.acme = {A = "fail", B = "retry"}', 'rules.acme = {B = "retry", A = "fail"}', True, id="order"
        ),
        pytest.param(
            'backoff.b.base = "60s"\nbackoff.b.cap = "2m"', 'backoff.b = {base="1m",cap="120s"}', True, id="unit"
        ),
        pytest.param(
            'rules.acme.A = {do="retry"}', 'rules.acme.A = {counts=true, do="retry", then="fail"}', True, id="defaults"
        ),
        pytest.param('rules.acme.A = {do="retry"}', 'rules.acme.A = {do="retry", max=3}', False, id="max"),
        pytest.param('rules.acme.A = "retry"', 'rules.acme.A = "verify"', False, id="action"),
        pytest.param('rules.acme.A = {do="retry"}', 'rules.acme.A = {do="retry", effect="none"}', False, id="effect"),
        pytest.param('rules.acme.A = "fail"', 'rules.acme.B = "fail"', False, id="code"),
        pytest.param('rules.acme.A = "fail"', 'rules.other.A = "fail"', False, id="provider"),
        pytest.param('limits.settle = "1s"', 'limits.settle = "2s"', False, id="limit"),
        pytest.param('backoff.b.base = "1s"', 'backoff.b.base = "2s"', False, id="backoff"),
        pytest.param('unknown = "fail"', 'unknown = "verify"', False, id="unknown"),
        pytest.param('operations.acme.X = "safe"', 'operations.acme.X = "conflict"', False, id="repeat"),
        pytest.param(
            "credentials.acme.max_refreshes = 1", "credentials.acme.max_refreshes = 2", False, id="credentials"
        ),
    ],
)
def test_the_digest_tells_effects_apart_and_not_spellings(one: str, other: str, *, is_equal: bool) -> None:
    """Two texts have the same digest exactly if they have the same effect."""
    digests = [
        Policy.loads(
            f'schema = 1\n{text}\nlimits.deadline = "2m"'
            if "[" not in text
            else f'schema = 1\nlimits.deadline = "2m"\n{text}'
        ).digest
        for text in (one, other)
    ]
    assert all(len(digest) == 12 for digest in digests)
    assert (digests[0] == digests[1]) == is_equal
