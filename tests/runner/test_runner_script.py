"""A script under ``resilience run`` is the script under ``python``: nothing that it can print tells them apart."""

from __future__ import annotations

import ast
import zipapp
from pathlib import Path

import pytest
from script_runs import Scripts

from resilience import runner

WHAT_IT_SEES = """
    import os, pickle, sys
    import neighbour

    class Mine:
        pass

    print(sys.argv, sys.path, sys.flags, sys.warnoptions)
    print(__name__, __file__, __spec__, __builtins__, sorted(vars(sys.modules["__main__"])))
    print(neighbour.__file__, os.getcwd(), Mine.__module__, type(pickle.loads(pickle.dumps(Mine()))) is Mine)
    print(repr(sys.stdin.read()), sys.stdout.encoding, sys.stdout.line_buffering, sys.gettrace(), sys.excepthook)
    """


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def test_a_script_sees_what_it_would_see_without_us(scripts: Scripts) -> None:
    """Arguments, path, flags, names, standard input and the working directory are the same, from another folder too."""
    scripts.write("inner/script.py", WHAT_IT_SEES)
    scripts.write("inner/neighbour.py", "")
    command = ("inner/script.py", "--policy", "x", "-m", "--", "-q", "é")
    plain, ours = (run(*command, text="some input\n") for run in (scripts.plain, scripts.run))
    assert (ours.code, ours.out) == (0, plain.out)
    assert plain.err == ""
    assert ours.err == "resilience: no management calls; policy running\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('def inner():\n    return 1 / 0\n\nprint("before")\ninner()\n', id="exception"),
        pytest.param('import sys\nsys.exit("what it says")\n', id="exit-with-a-text"),
        pytest.param("import sys\nsys.exit(3)\n", id="exit-with-a-number"),
        pytest.param("import os\nos._exit(7)\n", id="exit-at-once"),
        pytest.param("print(1\n", id="syntax-error"),
        pytest.param("import nothing_of_this_name\n", id="import-error"),
        pytest.param("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n", id="ctrl-c"),
        pytest.param("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n", id="terminated"),
        pytest.param(
            "import atexit, sys, threading\n"
            "atexit.register(print, 'at exit', file=sys.stderr)\n"
            "threading.Thread(target=lambda: 1 / 0, name='thread').start()\n",
            id="end-of-threads-and-exit-functions",
        ),
        pytest.param("import sys\nsys.stderr.close()\nsys.stdout = None\n", id="closed-streams"),
    ],
)
def test_a_script_ends_as_it_would_without_us(text: str, scripts: Scripts) -> None:
    """Exit code, output and traceback are the same to the byte, and a signal is still the signal."""
    scripts.write("script.py", text)
    assert scripts.run("script.py", options=["--quiet"]) == scripts.plain("script.py")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["-m", "package", "-m", "--env", "x"], id="module"),
        pytest.param(["-c", "import sys; print(sys.argv, sys.path)", "-c", "1"], id="text"),
        pytest.param(["archive.pyz", "1"], id="archive"),
        pytest.param(["package", "1"], id="folder"),
        pytest.param(["nothing.py"], id="no-such-file"),
    ],
)
def test_whatever_python_can_run_is_run(command: list[str], scripts: Scripts) -> None:
    """Modules, archives and folders are Python's own business, and so is a file that is not there."""
    scripts.write("package/__init__.py", "")
    scripts.write(
        "package/__main__.py", "import sys\nprint(sys.argv, sys.path, __spec__.name, type(__spec__.loader), __file__)\n"
    )
    zipapp.create_archive(scripts.folder / "package", scripts.folder / "archive.pyz")
    assert scripts.run(*command, options=["--quiet"]) == scripts.plain(*command)


def test_a_sitecustomize_of_the_users_own_has_its_turn(scripts: Scripts) -> None:
    """The one that Python would have found runs, is what ``import sitecustomize`` gives, and may fail as it does."""
    scripts.write("own/sitecustomize.py", "import sys\nsys.mine = __name__\n")
    scripts.write("script.py", "import sitecustomize, sys\nprint(sitecustomize.__file__, sys.mine, sys.path)\n")
    scripts.environ["PYTHONPATH"] = str(scripts.folder / "own")
    assert scripts.run("script.py", options=["--quiet"]) == scripts.plain("script.py")
    scripts.write("own/sitecustomize.py", 'raise RuntimeError("broken")\n')
    scripts.write("script.py", "print(1)\n")
    ours = scripts.command(scripts.arguments("script.py"))
    assert (ours.code, ours.out) == (0, "1\n")
    # Once from the command, which is a Python like any, and once from the script's own.
    assert ours.err.count("RuntimeError: broken") == 2
    assert ours.said() == ["resilience: no management calls; policy running"]


def test_a_policy_error_ends_the_run_before_the_script(scripts: Scripts) -> None:
    """What is wrong with the policy is said as ``check`` says it, with exit code 2, and nothing of the script runs."""
    scripts.write("policy.toml", 'schema = 1\n[limits]\ndeadline = "1m"\n[rules.alibaba]\n"X" = "pateint"\n')
    scripts.write("script.py", "print(1)\n")
    ours = scripts.run("script.py")
    assert (ours.code, ours.out) == (2, "")
    first, second = ours.err.splitlines()[:2]
    assert first.startswith('policy.toml:5:7: error[RP040] unknown action "pateint"')
    assert second == '  5 | "X" = "pateint"'


@pytest.mark.parametrize(("option", "word"), [("--ledger", "ledger"), ("--journal", "journal")])
def test_a_file_that_cannot_be_written_ends_the_run_before_the_script(option: str, word: str, scripts: Scripts) -> None:
    """A ledger or a journal in an impossible place is found before the script has changed anything."""
    scripts.write("script.py", "print(1)\n")
    scripts.write("file", "")
    ours = scripts.run("script.py", options=[option, "file/below"])
    assert (ours.code, ours.out) == (2, "")
    assert ours.err.startswith(word)


def test_a_run_leaves_nothing_behind(scripts: Scripts) -> None:
    """The folder in which the processes of a run meet is gone when it is over, also after an exception."""
    temporary = scripts.folder / "temporary"
    temporary.mkdir()
    scripts.environ["TMPDIR"] = str(temporary)
    scripts.write("script.py", "import os\nprint(len(os.listdir(os.environ['TMPDIR'])))\n1 / 0\n")
    assert scripts.run("script.py").out == "1\n"
    assert list(temporary.iterdir()) == []


def test_a_python_that_could_not_be_covered_is_refused(scripts: Scripts) -> None:
    """Where Python ignores the environment the script would run without a policy, so it does not run."""
    scripts.write("script.py", "print(1)\n")
    ours = scripts.plain("-E", "-m", "resilience", "run", "--policy", "policy.toml", "script.py")
    assert (ours.code, ours.out) == (2, "")
    assert "-I, -E or -S" in ours.err


def test_a_script_without_an_sdk_waits_for_little(scripts: Scripts) -> None:
    """No engine, event loop or telemetry is imported for it, and for a child of it no policy either."""
    heavy = ("resilience.engine", "resilience.telemetry", "resilience.clients", "anyio", "opentelemetry", "click")
    text = f"import sys\nprint([name for name in {heavy} if name in sys.modules], 'attr' in sys.modules)\n"
    scripts.write("child.py", text)
    scripts.write("script.py", text + "import subprocess\nsubprocess.run([sys.executable, 'child.py'])\n")
    scripts.environ["PYTHONUNBUFFERED"] = "1"
    assert scripts.run("script.py").out == "[] True\n[] False\n"


def test_any_python_3_can_read_our_beginning() -> None:
    """A script may start a Python of another age, which finds our folder on its path as well."""
    file = Path(runner.__file__).parent / "startup" / "sitecustomize" / "sitecustomize.py"
    ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 6))
