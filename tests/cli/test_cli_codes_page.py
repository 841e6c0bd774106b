"""``codes --html``: the page has every code and every operation, with what the policies of the package do."""

from __future__ import annotations

import re
from functools import cache
from html import unescape
from pathlib import Path

import pytest
from browsing import dumped
from click.testing import CliRunner, Result

from resilience.catalog import catalogue, providers
from resilience.cli.app import app

LARGEST = 2_000_000


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["codes", *arguments])


def written(file: Path, *arguments: str) -> str:
    """Return the page that the command writes."""
    result = run("--html", str(file), *arguments)
    assert (result.exit_code, result.output) == (0, f"wrote {file}\n"), result.output
    return file.read_text(encoding="utf-8")


@cache
def _whole(folder: Path) -> str:
    return written(folder / "codes.html")


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page of all providers."""
    return _whole(tmp_path_factory.getbasetemp())


def entry(source: str, name: str) -> str:
    """Return the text of one entry, with single blanks."""
    (found,) = re.findall(rf'<li id="{re.escape(name)}".*?</li>', source, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", found)).split())


@pytest.mark.parametrize("provider", providers())
def test_every_code_and_every_operation_has_one_entry(whole: str, provider: str) -> None:
    """Nothing of a catalogue is missing, and each has a place that can be linked to."""
    known = catalogue(provider)
    names = [f"{provider}/{code}" for code in known.codes]
    names += [f"{provider}/operation/{operation}" for operation in known.operations]
    found = re.findall(r'<li id="([^"]*)"', whole)
    assert len(found) == len(set(found))
    assert set(names) <= set(found)


def test_links_on_the_page_lead_somewhere(whole: str) -> None:
    """Each link is within the page, and its goal is there; nothing else is loaded."""
    goals = set(re.findall(r' id="([^"]*)"', whole))
    links = re.findall(r'href="([^"]*)"', whole)
    assert {link[:1] for link in links} == {"#"}
    assert {link[1:] for link in links} <= goals
    assert "src=" not in whole
    assert "default-src 'none'" in unescape(whole)


def test_the_page_is_small_and_whole_without_its_script(whole: str) -> None:
    """Hundreds of operations stay below two megabytes; without a script only the search is hidden."""
    assert len(whole.encode()) < LARGEST
    assert re.findall(r"<(\w+)[^>]* hidden[ >]", whole.partition("<body>")[2].partition("<script>")[0]) == ["form"]


def test_an_entry_says_what_the_policy_does(whole: str) -> None:
    """A code has action, waits, what it uses up and the place of its rule, also for messages and operations."""
    line = (Path(__file__).parents[2] / "policies/rabbitmq.toml").read_text(encoding="utf-8").splitlines()
    told = entry(whole, "rabbitmq/internal_server_error")
    at = next(number for number, each in enumerate(line, 1) if each.startswith('"internal_server_error"'))
    assert told.startswith("internal_server_error a fault of the broker internal · effect unknown · HTTP 500")
    assert told.endswith(
        "few retry, waits that grow from 500ms to 20s, uses up an attempt, at most 4 times, then fail "
        f'rabbitmq."internal_server_error" at builtin:rabbitmq:{at}'
    )
    told = entry(whole, "rabbitmq/bad_request")
    assert 'if the message has "could not be contacted": retry (inline) waits that grow' in told
    assert 'on Put*Permissions if the message has "vhost_or_user_not_found": retry (inline)' in told
    assert "free: uses up no attempt, for at most 10s, then fail" in told
    assert "on Unbind*: gone accept, a success in any case" in entry(whole, "rabbitmq/Object_Not_Found")
    assert 'alibaba."CheckAccountInfoFailed" at' in entry(whole, "alibaba/CheckAccountInfoFailed")
    assert "reconnect retry, waits that grow" in entry(whole, "emqx/unsent")
    assert "on CreateApiKey: fail" in entry(whole, "emqx/lost")


def test_an_operation_says_what_a_repeat_does(whole: str) -> None:
    """Repeat, key, name, read-back, documented limit, and what follows a lost answer."""
    told = entry(whole, "alibaba/operation/CreateGroupId")
    assert told.startswith("CreateGroupId conflict the service refuses a second one")
    for fact in ("key InstanceId, GroupId", "renamed by GroupId: 7 to 64", "read back by ListGroupId", "limit 10/s ("):
        assert fact in told
    told = entry(whole, "rabbitmq/operation/DeclareQueue")
    assert "equal the same again changes nothing, and another content is refused PUT /api/queues/{vhost}" in told
    assert "shown once, in this answer only api_secret" in entry(whole, "emqx/operation/CreateApiKey")
    told = entry(whole, "rabbitmq/operation/Publish")
    assert "a lost answer, without a verifier stop (unverified): it may exist, and there is no verifier to ask" in told


def test_a_policy_of_ones_own_is_shown(tmp_path: Path) -> None:
    """With ``--policy`` the page has its providers and answers; its texts are no markup."""
    policy = tmp_path / "own.toml"
    policy.write_text(
        'schema = 1\nlimits = { deadline = "1m" }\n[operations.acme]\nCreateUser = { repeat = "duplicate" }\n'
        '[rules.acme]\n"BUSY" = [{ message = "<b>later</b>", do = "retry", for = "5s" }, "fail"]\n',
        encoding="utf-8",
    )
    source = written(tmp_path / "page.html", "--policy", str(policy))
    assert "<b>later" not in source
    told = entry(source, "acme/BUSY")
    assert told.startswith("BUSY not in the catalogue fail")
    assert 'if the message has "<b>later</b>": retry (inline)' in told
    assert "the policy says repeat = duplicate at" in entry(source, "acme/operation/CreateUser")
    assert re.findall(r'<section id="([^"]*)"', source) == ["acme"]


def test_one_provider_has_a_page_too(tmp_path: Path) -> None:
    """``--provider`` leaves the others out."""
    source = written(tmp_path / "page.html", "--provider", "emqx")
    assert re.findall(r'<section id="([^"]*)"', source) == ["emqx"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--installed"], "--html goes without", id="installed"),
        pytest.param(["--unnamed", "--policy", "builtin:emqx"], "--html goes without", id="unnamed"),
        pytest.param(["--format", "json"], "--html goes without", id="json"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    """A page has all codes, and is no JSON."""
    result = run("--html", str(tmp_path / "page.html"), *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not (tmp_path / "page.html").exists()


def test_only_a_page_is_replaced(tmp_path: Path) -> None:
    """A file that is no page stays as it is; an earlier page is written anew."""
    file = tmp_path / "policy.toml"
    file.write_text("schema = 1\n", encoding="utf-8")
    result = run("--html", str(file))
    assert (result.exit_code, file.read_text(encoding="utf-8")) == (2, "schema = 1\n")
    assert "exists and is no page" in result.output
    assert written(tmp_path / "page.html") == written(tmp_path / "page.html")


def seen(folder: Path, source: str, script: str) -> tuple[list[str], str]:
    """Return the entries that a browser shows after a script, and what it says about their number."""
    act = f"""<script>
      const form = document.getElementById("filters");
      const change = (name, value) => {{
        form[name].value = value;
        form[name].dispatchEvent(new Event("input", {{ bubbles: true }}));
      }};
      {script}
    </script>"""
    source = re.sub(r"<meta http-equiv[^>]*>", "", source).replace("</body>", act + "</body>")
    shown = dumped(folder, source)
    (said,) = re.findall(r'<output id="shown"[^>]*>(.*?)</output>', shown)
    entries = re.findall(r'<li id="([^"]*)"([^>]*)>', shown)
    return [name for name, attributes in entries if "hidden" not in attributes], said


def test_the_search_finds_codes_and_operations(whole: str, tmp_path: Path) -> None:
    """All words have to fit, the service's name among them; choices narrow it down; the number is told."""
    names, said = seen(
        tmp_path, whole, 'change("search", "rabbitmq inequivalent"); change("search", "RabbitMQ queue");'
    )
    assert "rabbitmq/operation/DeclareQueue" in names
    assert {name.partition("/")[0] for name in names} == {"rabbitmq"}
    assert said.startswith(f"{len(names)} of ")
    names, _ = seen(tmp_path, whole, 'change("search", "emqx"); change("verb", "accept");')
    assert {"emqx/ALREADY_EXISTS", "emqx/NOT_FOUND"} <= set(names)
    assert "emqx/BAD_RPC" not in names
    names, _ = seen(tmp_path, whole, 'change("repeat", "equal"); change("search", "rabbitmq");')
    assert names == ["rabbitmq/operation/DeclareExchange", "rabbitmq/operation/DeclareQueue"]


def test_the_page_runs_its_own_script_and_no_other(whole: str, tmp_path: Path) -> None:
    """As it is written, its content security policy lets the search in."""
    shown = dumped(tmp_path, whole)
    assert re.search(r'<form id="filters" aria-label="search">', shown)
    assert re.search(r'<output id="shown"[^>]*>all \d+ entries</output>', shown)


def test_a_link_shows_what_a_search_has_hidden(whole: str, tmp_path: Path) -> None:
    """A link to an entry ends the search that hides it."""
    script = 'change("search", "emqx"); location.hash = "#rabbitmq/not_found";'
    names, said = seen(tmp_path, whole, script)
    assert "rabbitmq/not_found" in names
    assert said.startswith("all ")
