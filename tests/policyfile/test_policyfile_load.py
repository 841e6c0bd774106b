"""Finding and reading the files of a policy, and choosing its environment."""

from pathlib import Path

import pytest

from resilience.policyfile import Policy, PolicyError, check
from resilience.policyfile.files.policy_file import builtin_names
from resilience.policyfile.files.positions import scan

TEXT = 'schema = 1\n[limits]\ndeadline = "2m"\n'
ENVIRONMENTS = TEXT + "[env.dev]\n[env.prod]\nproduction = true\n"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def message(text: str | bytes, folder: Path, *, env: str | None = None) -> str:
    """Return what is said about a file of this text."""
    path = folder / "policy.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(PolicyError) as caught:
        Policy.load(path, env=env)
    return str(caught.value).replace(f"{folder}/", "")


def test_the_environment_comes_from_the_argument_and_then_from_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """RESILIENCE_ENV is used only where none is asked for."""
    assert Policy.loads(ENVIRONMENTS).env is None
    monkeypatch.setenv("RESILIENCE_ENV", "prod")
    policy = Policy.loads(ENVIRONMENTS)
    assert (policy.env, policy.production, policy.environments) == ("prod", True, ("dev", "prod"))
    assert Policy.loads(ENVIRONMENTS, env="dev").env == "dev"
    monkeypatch.setenv("RESILIENCE_ENV", "")
    assert Policy.loads(ENVIRONMENTS).env is None


def test_the_process_environment_is_ignored_by_a_policy_without_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that is the same everywhere loads wherever RESILIENCE_ENV is set."""
    monkeypatch.setenv("RESILIENCE_ENV", "prod")
    assert Policy.loads(TEXT).env is None


def test_an_environment_that_no_file_defines_is_an_error_that_lists_the_known_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Asked for by argument or by the process, an unknown environment is never the same as none."""
    expected = '<string>:1:1: error[RP054] unknown environment "prd"; there are dev, prod'
    with pytest.raises(PolicyError) as caught:
        Policy.loads(ENVIRONMENTS, env="prd")
    assert str(caught.value) == expected
    monkeypatch.setenv("RESILIENCE_ENV", "prd")
    with pytest.raises(PolicyError) as caught:
        Policy.loads(ENVIRONMENTS)
    assert str(caught.value) == expected
    with pytest.raises(PolicyError, match="no file defines any"):
        Policy.loads(TEXT, env="prod")


def test_an_environment_may_be_defined_by_a_file_further_down(tmp_path: Path) -> None:
    """The environments of a policy are those of all its files."""
    (tmp_path / "base.toml").write_text(ENVIRONMENTS, encoding="utf-8")
    text = 'schema = 1\nextends = ["base.toml"]\n[env.test]\n'
    policy = Policy.loads(text, env="dev", base=tmp_path)
    assert policy.environments == ("dev", "prod", "test")


def test_files_are_named_as_the_user_named_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name stays relative, and what it extends is named from the same place."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "team").mkdir()
    (tmp_path / "base.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "team" / "policy.toml").write_text('schema = 1\nextends = ["../base.toml"]\n', encoding="utf-8")
    assert Policy.load("team/policy.toml").sources == ("base.toml", "team/policy.toml")
    assert Policy.load(Path("team/policy.toml")).sources == ("base.toml", "team/policy.toml")
    assert Policy.load("builtin:provisioning").sources[-1] == "builtin:provisioning"
    origin = Policy.load("team/policy.toml").origin("limits", "deadline")
    assert str(origin) == "base.toml:3:12"


def test_a_file_is_found_behind_a_linked_folder(tmp_path: Path) -> None:
    """``..`` after a link leads where the file system says, and the name that is shown leads to the same file."""
    for folder in ("real/inner", "here"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "real" / "base.toml").write_text(TEXT, encoding="utf-8")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "real" / "inner")
    policy = Policy.loads('schema = 1\nextends = ["link/../base.toml"]\n', base=tmp_path / "here")
    assert Path(policy.sources[0]).samefile(tmp_path / "real" / "base.toml")


def test_a_byte_order_mark_moves_no_column() -> None:
    """A text that an editor began with a mark is read, and its positions are those that the editor shows."""
    origin = Policy.loads('\ufefflimits.deadline = "2m"\r\nschema = 1\r\n').origin("limits", "deadline")
    assert str(origin) == "<string>:1:19"


def test_a_policy_without_a_name_is_called_by_its_file(tmp_path: Path) -> None:
    """Traces tell policies apart also where nobody named them; a name of a base counts as said."""
    (tmp_path / "own.toml").write_text(TEXT, encoding="utf-8")
    assert Policy.load(tmp_path / "own.toml").name == "own"
    assert Policy.loads('schema = 1\nextends = ["builtin:alibaba-mqtt"]\n').name == "alibaba-mqtt"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            b"schema = 1\nname = '\xff'\nlimits.deadline = '1m'",
            "line 2 is not UTF-8; save the file as UTF-8",
            id="not-utf-8",
        ),
        pytest.param(b"#" * (4 * 1024 * 1024 + 1), "the file is larger than 4 MiB; this cannot be a policy", id="huge"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, expected: str, tmp_path: Path) -> None:
    """The root is named with its first position, or with that of the byte that is wrong."""
    place = "2:9" if "line 2" in expected else "1:1"
    assert message(content, tmp_path).split("\n")[0] == f"policy.toml:{place}: error[RP046] {expected}"
    (tmp_path / "base.toml").write_bytes(content)
    found = message('schema = 1\nextends = ["base.toml"]', tmp_path)
    where = f"base.toml:{place}: error[RP046] " if place == "2:9" else 'policy.toml:2:12: error[RP046] "base.toml": '
    assert f"{where}{expected}" in found.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("nowhere.toml", "there is no such file", id="missing"),
        pytest.param(".", "this is a directory; name a file in it", id="directory"),
        pytest.param("x" * 300, "the file cannot be read: file name too long", id="long-name"),
        pytest.param("a\0b", "this is not the name of a file", id="no-name"),
        pytest.param("", "this is a directory; name a file in it", id="nothing"),
        pytest.param("builtin:nothing", 'there is no "builtin:nothing"', id="builtin"),
        pytest.param("builtin:../pyproject", 'there is no "builtin:../pyproject"', id="out-of-the-package"),
    ],
)
def test_a_name_that_leads_nowhere_says_so(
    name: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a name is, the answer is a problem at the first position of that file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError) as caught:
        Policy.load(name)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column, problem.rule) == (name, 1, 1, "RP046")
    assert problem.message.startswith(expected)


def test_a_chain_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    """A generated chain that has gone wrong ends with a message, not with a traceback."""
    for number in range(100):
        text = f'schema = 1\nextends = ["{number + 1}.toml"]\n'
        (tmp_path / f"{number}.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match="more than 32 files extend one another"):
        Policy.load(tmp_path / "0.toml")


@pytest.mark.parametrize("step", [pytest.param(1, id="downwards"), pytest.param(-1, id="upwards")])
def test_a_chain_of_actions_that_is_too_long_is_an_error(step: int) -> None:
    """The same for ``then``, whichever end of the chain stands first in the file."""
    actions = [f'actions.a{number} = {{ do = "retry", then = "a{number + 1}" }}' for number in range(2000)]
    text = "\n".join(["schema = 1", 'limits.deadline = "2m"', *actions[::step], 'actions.a2000.do = "fail"'])
    with pytest.raises(PolicyError, match="this chain has over 32 actions"):
        Policy.loads(text)


def test_a_chain_of_actions_may_have_32() -> None:
    """The limit is what the message says."""
    actions = [f'actions.a{number} = {{ do = "retry", then = "a{number + 1}" }}' for number in range(31)]
    text = "\n".join(["schema = 1", 'limits.deadline = "2m"', *actions, 'actions.a31.do = "fail"'])
    assert Policy.loads(text).actions["a0"].then is not None
    with pytest.raises(PolicyError, match="this chain has over 32 actions"):
        Policy.loads(text.replace('a31.do = "fail"', 'a31 = {do = "retry", then = "a32"}\nactions.a32.do = "fail"'))


def test_nothing_is_called_unknown_while_a_file_is_missing(tmp_path: Path) -> None:
    """A name may stand in the file that is missing; other mistakes are reported beside it."""
    text = 'schema = 1\nextends = ["gone.toml"]\nlimts = 1\nrules.acme.A = "patient"\nrules.acme.B = 5\n'
    found = message(text, tmp_path, env="prod")
    assert [line.split("]")[0].split("[")[1] for line in found.splitlines() if "error[" in line] == [
        "RP046",
        "RP024",
        "RP042",
    ]


def test_policies_of_the_package_are_found_in_a_wheel_and_beside_an_editable_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a wheel the policies lie inside the package, in a checkout beside it."""
    assert "provisioning" in builtin_names()
    package = tmp_path / "resilience"
    (package / "policies").mkdir(parents=True)
    (package / "policies" / "own.toml").write_text(TEXT + 'name = "own"', encoding="utf-8")
    monkeypatch.setattr(
        "resilience.policyfile.files.policy_file.__file__", str(package / "policyfile" / "files" / "policy_file.py")
    )
    assert builtin_names() == ("own",)


def test_loading_a_correct_policy_scans_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions cost nothing until somebody asks, and a file is then scanned once."""
    scans = []

    def counted(text: str, *, depth: int | None = None) -> object:
        scans.append(text)
        return scan(text, depth=depth)

    monkeypatch.setattr("resilience.policyfile.files.policy_file.scan", counted)
    policy = Policy.loads(TEXT + '[rules.acme]\nA = "retry"\nB = { do = "retry" }\n')
    assert scans == []
    assert [str(rule.origin) for rule in policy.rules] == ["<string>:5:5", "<string>:6:5"]
    assert len(scans) == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(("limits", "deadline"), "<string>:3:12", id="value"),
        pytest.param(("limits",), "<string>:2:2", id="table"),
        pytest.param(("limits", "settle"), None, id="default"),
        pytest.param(("nothing", "there"), None, id="unknown"),
        pytest.param(("env", "prod"), None, id="environment"),
        pytest.param(("production",), "<string>:6:14", id="in-an-environment"),
    ],
)
def test_origin_tells_where_an_effective_value_was_set(path: tuple[str, ...], expected: str | None) -> None:
    """A default, and what is no effective value, has no origin."""
    origin = Policy.loads(ENVIRONMENTS, env="prod").origin(*path)
    assert (None if origin is None else str(origin)) == expected


def test_check_tells_errors_and_warnings_together(tmp_path: Path) -> None:
    """Nothing is raised: a wrong policy and a surprising one are answers alike."""
    path = tmp_path / "policy.toml"
    path.write_text('schema = 1\nlimits = {\ndeadline = "2m" }\nrules.acme.A = "nothing"\n', encoding="utf-8")
    assert [(each.rule, each.severity, each.line) for each in check(path)] == [
        ("RP057", "warning", 2),
        ("RP040", "error", 4),
    ]
    path.write_text(TEXT, encoding="utf-8")
    assert check(path) == ()
    assert [each.rule for each in check(tmp_path / "nowhere.toml")] == ["RP046"]


def test_a_warning_does_not_keep_a_policy_from_loading() -> None:
    """Syntax that editors refuse is no error for us."""
    policy = Policy.loads('schema = 1\nlimits = { deadline = "2m", }\n')
    (problem,) = policy.warnings()
    assert (problem.rule, problem.severity, problem.line, problem.column) == ("RP057", "warning", 2, 27)
    assert "only TOML 1.1 knows a comma after the last entry of an inline table" in str(problem)


def test_a_policy_shows_its_name_and_not_its_rules() -> None:
    """The repr fits on a line of a log."""
    assert len(repr(Policy.load("builtin:provisioning"))) < 120


def test_a_company_may_name_operations_that_it_does_not_declare() -> None:
    """Of an own API only what a repeat does differently is declared; a near miss of such a name is a mistake."""
    text = 'schema = 1\nlimits.deadline = "2m"\noperations.acme.MakeThing = "safe"\n[rules.acme]\n'
    policy = Policy.loads(f'{text}"RemoveOther/Busy" = "retry"')
    assert [rule.operation for rule in policy.rules] == ["RemoveOther"]
    with pytest.raises(PolicyError, match='did you mean "MakeThing"'):
        Policy.loads(f'{text}"MakeThings/Busy" = "retry"')
