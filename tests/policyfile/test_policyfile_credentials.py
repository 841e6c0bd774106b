"""Sources of credentials and paths in a policy: what is read, where it starts, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience.core.settings.credentials import CredentialSource
from resilience.policyfile import Policy, PolicyError, check

SMALL = 'schema = 1\nlimits.deadline = "2m"\n'


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    monkeypatch.delenv("RESILIENCE_ENV", raising=False)


def source(text: str, env: str | None = None) -> CredentialSource | None:
    return Policy.loads(SMALL + text, env=env).credentials["alibaba"].source


def test_a_source_is_read_with_what_belongs_to_it() -> None:
    """Durations are seconds; without a source, the table says only how credentials are renewed."""
    assert source("[credentials.alibaba]\nmax_refreshes = 2") is None
    text = """
        [credentials.alibaba]
        source = "assume_role"
        role = "acs:ram::123:role/provisioner"
        endpoint = "sts.cn-hangzhou.aliyuncs.com"
        duration = "1h"
        key_variables = ["CI_ID", "CI_SECRET"]
        """
    assert source(text) == CredentialSource(
        kind="assume_role",
        role="acs:ram::123:role/provisioner",
        endpoint="sts.cn-hangzhou.aliyuncs.com",
        duration=3600.0,
        key_variables=("CI_ID", "CI_SECRET"),
    )


def test_another_source_of_an_environment_leaves_nothing_of_the_first() -> None:
    """A role means nothing for a file."""
    text = """
        [credentials.alibaba]
        source = "assume_role"
        role = "acs:ram::123:role/x"
        max_refreshes = 3
        [env.dev.credentials.alibaba]
        source = "command"
        command = ["vault", "keys"]
        [env.prod.credentials.alibaba]
        role = "acs:ram::123:role/y"
        """
    dev = source(text, "dev")
    assert dev is not None
    assert (dev.kind, dev.command, dev.role) == ("command", ("vault", "keys"), None)
    assert Policy.loads(SMALL + text, env="dev").credentials["alibaba"].max_refreshes == 3
    prod = source(text, "prod")
    assert prod is not None
    assert prod.role == "acs:ram::123:role/y"


@pytest.mark.parametrize(
    ("provider", "text", "found"),
    [
        pytest.param("alibaba", 'source = "comand"', [(4, 10, "RP042")], id="misspelt"),
        pytest.param("alibaba", 'source = "assume_role"', [(4, 10, "RP044")], id="no-role"),
        pytest.param("alibaba", 'source = "command"\nrole = "x"', [(4, 10, "RP044"), (5, 1, "RP049")], id="two"),
        pytest.param("alibaba", 'role = "x"', [(4, 1, "RP049")], id="no-source"),
        pytest.param("acme", 'source = "assume_role"\nrole = "x"', [(4, 10, "RP049")], id="no-such-service"),
        pytest.param("alibaba", 'source = "command"\ncommand = "vault read"', [(5, 11, "RP042")], id="one-text"),
        pytest.param("alibaba", 'source = "command"\ncommand = []', [(5, 11, "RP043")], id="nothing"),
        pytest.param("alibaba", 'source = "command"\ncommand = ["v", 1]', [(5, 17, "RP042")], id="number"),
        pytest.param("alibaba", 'source = "file"\nfile = "${UNSET_HERE}/k"', [(5, 8, "RP044")], id="unset"),
        pytest.param(
            "alibaba",
            'source = "command"\ncommand = ["v", "LTAI5tAbcDefGhiJklMnoPqr"]',
            [(5, 17, "RP039")],
            id="secret",
        ),
        pytest.param(
            "alibaba",
            'source = "assume_role"\nrole = "x"\nkey_variables = ["A"]',
            [(6, 17, "RP042")],
            id="one-variable",
        ),
    ],
)
def test_what_is_wrong_with_a_source_is_said_where_it_stands(
    provider: str, text: str, found: list[tuple[int, int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each mistake once, at the key or the value."""
    monkeypatch.delenv("UNSET_HERE", raising=False)
    with pytest.raises(PolicyError) as caught:
        Policy.loads(f"{SMALL}[credentials.{provider}]\n{text}")
    assert [(each.line, each.column, each.rule) for each in caught.value.problems] == found


def test_paths_start_at_the_file_that_says_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each in its own folder, wherever the program runs, with variables and the home folder filled in."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.toml").write_text(
        SMALL + '[ledger]\npath = "run.db"\n[telemetry]\njournal = "${LOGS}/$NAME.jsonl"\n'
        '[credentials.tencent]\nsource = "command"\ncommand = ["./keys.sh", "./not-a-path"]\n',
        encoding="utf-8",
    )
    (tmp_path / "policy.toml").write_text(
        'schema = 1\nextends = ["base/base.toml"]\n[credentials.alibaba]\nsource = "file"\nfile = "~/keys.json"\n'
        '[env.here.ledger]\npath = "here.db"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("LOGS", "/var/log")
    monkeypatch.setenv("NAME", "run")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir("/")
    policy = Policy.load(tmp_path / "policy.toml")
    assert policy.ledger is not None
    assert policy.ledger.path == str(tmp_path / "base" / "run.db")
    assert policy.telemetry is not None
    assert policy.telemetry.journal == "/var/log/run.jsonl"
    alibaba, tencent = (policy.credentials[name].source for name in ("alibaba", "tencent"))
    assert alibaba is not None
    assert alibaba.file == "/home/me/keys.json"
    assert tencent is not None
    assert tencent.command == (str(tmp_path / "base" / "keys.sh"), "./not-a-path")
    here = Policy.load(tmp_path / "policy.toml", env="here").ledger
    assert here is not None
    assert here.path == str(tmp_path / "here.db")
    monkeypatch.chdir(tmp_path)
    assert Policy.load("policy.toml").ledger == policy.ledger


def test_the_digest_is_the_same_in_every_folder(tmp_path: Path) -> None:
    """Two machines that run one policy say so in their traces."""
    text = (
        SMALL + '[ledger]\npath = "run.db"\n[credentials.alibaba]\nsource = "file"\nfile = "keys.json"\n'
        '[credentials.tencent]\nsource = "command"\ncommand = ["./keys.sh"]\n'
    )
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.toml").write_text(text, encoding="utf-8")
        digests.add(Policy.load(tmp_path / name / "p.toml").digest)
    assert len(digests) == 1
    assert Policy.loads(text.replace("keys.json", "other.json")).digest not in digests


@pytest.mark.parametrize("table", ["ledger.path", "telemetry.journal"])
def test_a_variable_that_is_not_set_is_an_error_at_its_path(table: str, tmp_path: Path) -> None:
    """Not a folder of that odd name."""
    (tmp_path / "p.toml").write_text(f'{SMALL}{table} = "${{UNSET_HERE}}/run"\n', encoding="utf-8")
    (problem,) = check(tmp_path / "p.toml")
    assert (problem.line, problem.rule) == (3, "RP044")
    assert '"UNSET_HERE" is not set; set it, or write the path out' in problem.message


def test_the_url_of_a_ledger_has_its_variables_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no password stands in a policy; no representation, digest or message shows their values."""
    monkeypatch.setenv("LEDGER_PASSWORD", "hunter2")
    monkeypatch.setenv("LEDGER_URL", "postgresql://me:hunter2@db.example/place")
    text = 'schema = 1\nlimits.deadline = "2m"\n[ledger]\nurl = "{}"\nlease = "1m"\n'
    for written in ("postgresql://me:${LEDGER_PASSWORD}@db.example/place", "$LEDGER_URL"):
        policy = Policy.loads(text.format(written))
        assert policy.ledger is not None
        assert policy.ledger.url == "postgresql://me:hunter2@db.example/place"
        assert policy.ledger.lease == 60.0
        assert "hunter2" not in repr(policy.ledger)
        monkeypatch.setenv("LEDGER_PASSWORD", "hunter3")
        assert Policy.loads(text.format(written)).digest == policy.digest
        monkeypatch.setenv("LEDGER_PASSWORD", "hunter2")
    monkeypatch.setenv("LEDGER_URL", "hunter2://me:hunter2@db.example/place")
    monkeypatch.delenv("LEDGER_PASSWORD")
    for written, said in (
        ("$LEDGER_URL", "begins with postgresql://"),
        ("redis://:${LEDGER_PASSWORD}@cache", '"LEDGER_PASSWORD" is not set; set it'),
    ):
        with pytest.raises(PolicyError, match=r"ledger\.url") as caught:
            Policy.loads(text.format(written))
        assert said in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_an_environment_says_path_or_url_instead_of_the_other() -> None:
    """A file for development, and a server in production; the lease of the plain table stays."""
    text = """
        schema = 1
        limits.deadline = "2m"
        [ledger]
        path = "runs.db"
        lease = "1m"
        [env.prod.ledger]
        url = "postgresql://db.example/place"
        [env.laptop.ledger]
        path = "other.db"
    """
    found = {env: Policy.loads(text, env=env).ledger for env in (None, "prod", "laptop")}
    assert {env: None if each is None else each.url for env, each in found.items()} == {
        None: None,
        "prod": "postgresql://db.example/place",
        "laptop": None,
    }
    assert found["prod"] is not None
    assert found["prod"].lease == 60.0
