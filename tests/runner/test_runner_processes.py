"""Every Python that a script starts is covered as the script is, however it was started."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from script_runs import Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes start in other ways there")

# What a child does: one call that is refused at first, so that it shows whether the policy was there.
WORK = """
    import os, sys
    from clients import make_topic
    def work(name):
        return make_topic(name)
    """


@pytest.fixture
def clients(clients: Scripts, cloud: Sandbox) -> Scripts:
    clients.write("working.py", WORK)
    cloud.script("CreateTopic", "RequestLimitExceeded")
    return clients


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_are_covered(method: str, clients: Scripts) -> None:
    """A pool and an executor of futures, each with one process: their calls are the run's, and only the root speaks."""
    clients.write(
        "script.py",
        f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        from working import work

        class Mine:
            def __call__(self, name):
                return work(name)

        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            with context.Pool(1) as pool:
                print(pool.map(Mine(), ["first"]))
                pool.close()
                pool.join()
            with ProcessPoolExecutor(1, mp_context=context) as futures:
                print(list(futures.map(work, ["second"])))
        """,
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "['first']\n['second']\n")
    assert ours.err == "resilience: 2 calls, 1 retry; waited 10 ms; policy running\n"


ENDED = {
    # Of four workers one has worked; the others wait for something to do, or import what the pool's function needs.
    "pool": "with context.Pool(4) as pool:\n        print(pool.apply(work, ('first',)))",
    "terminated-pool": (
        "pool = context.Pool(2)\n    print(pool.apply(work, ('first',)))\n    pool.terminate()\n    pool.join()"
    ),
    "worker-each": "with context.Pool(2, maxtasksperchild=1) as pool:\n        print(pool.apply(work, ('first',)))",
    "process": (
        "said = context.Event()\n    child = context.Process(target=wait, args=('first', said))\n    child.start()\n"
        "    said.wait()\n    child.terminate()\n    child.join()\n    print(child.exitcode == -15 and 'first')"
    ),
}


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("ending", ENDED.values(), ids=ENDED)
def test_a_worker_that_is_terminated_dies_as_under_plain_python(ending: str, method: str, clients: Scripts) -> None:
    """At once, of SIGTERM, and without a word: a pool ends its workers like this."""
    clients.write(
        "script.py",
        f"""
        import multiprocessing, time
        import alibabacloud_onsmqtt20200420.client
        from working import work

        def wait(name, said):
            work(name)
            said.set()
            time.sleep(60)

        def main():
            context = multiprocessing.get_context({method!r})
            BODY

        if __name__ == "__main__":
            main()
        """.replace("BODY", ending.replace("\n", "\n        ")),
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "first\n")
    assert ours.err == "resilience: 1 call, 1 retry; waited 10 ms; policy running\n"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_worker_has_no_handler_of_ours(method: str, clients: Scripts) -> None:
    """Also after its calls: a handler that comes in the moment before the worker waits for a lock would never run."""
    clients.write(
        "script.py",
        f"""
        import multiprocessing, signal
        from working import work

        def handled(name):
            work(name)
            return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

        if __name__ == "__main__":
            work("before")
            with multiprocessing.get_context({method!r}).Pool(1) as pool:
                print(pool.apply(handled, ("first",)))
        """,
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "True\n")


def test_a_signal_that_comes_just_before_a_wait_is_handled(clients: Scripts) -> None:
    """One that reaches another thread leaves the main thread waiting, as one does that comes a moment too early."""
    clients.write(
        "script.py",
        """
        import signal, threading, time
        from resilience.runner.ending.exit_hooks import before_termination

        before_termination(lambda: print("done", flush=True))
        other = threading.Thread(target=time.sleep, args=(30,), daemon=True)
        other.start()
        threading.Timer(0.2, signal.pthread_kill, (other.ident, signal.SIGTERM)).start()
        released = threading.Event()
        threading.Timer(10, lambda: (print("late", flush=True), released.set())).start()
        released.wait()
        """,
    )
    plain = clients.plain("script.py")
    assert (plain.code, plain.out) == (-signal.SIGTERM, "done\n")


# Python forgets a signal that comes to a forked process before its own first step; under load that is most of them.
HANDLERS = {
    "the-script": "import alibabacloud_onsmqtt20200420.client",
    "a-worker-with-telemetry": "from resilience.runner.ending.exit_hooks import before_termination\n"
    "before_termination(lambda: print('done', flush=True))",
}


@pytest.mark.parametrize("handled", HANDLERS.values(), ids=HANDLERS)
def test_a_forked_process_that_is_terminated_in_its_first_moment_dies(handled: str, clients: Scripts) -> None:
    """A pool may end a worker that it has just started; it then waits for that worker without a bound."""
    clients.write(
        "script.py",
        """
        HANDLED
        import os, signal, time
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        codes = set()
        for _ in range(30):
            child = os.fork()
            if not child:
                time.sleep(1)
                os._exit(0)
            os.kill(child, signal.SIGTERM)
            codes.add(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        print(codes, signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before)
        """.replace("HANDLED", handled.replace("\n", "\n        ")),
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "{-15} True\n")


def test_a_forked_process_has_the_handler_of_the_script(clients: Scripts) -> None:
    """Signals are held back only while ours is there."""
    clients.write(
        "script.py",
        """
        import alibabacloud_onsmqtt20200420.client
        import os, signal, time
        signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.write(writer, b".")
            time.sleep(30)
            os._exit(0)
        os.read(reader, 1)
        os.kill(child, signal.SIGTERM)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        """,
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "3\n")


def test_other_children_are_covered(clients: Scripts) -> None:
    """One that was forked by hand, one that was killed afterwards, and one of another folder and shell."""
    clients.write("elsewhere/child.py", "import sys\nsys.path.append('..')\nfrom working import work\nwork('third')\n")
    clients.write(
        "script.py",
        """
        import os, signal, subprocess, sys
        import working
        for name, ending in (("first", "exit"), ("second", "kill")):
            process = os.fork()
            if not process:
                working.work(name)
                if ending == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                sys.exit(0)
            os.waitpid(process, 0)
        subprocess.run(f"cd elsewhere; {sys.executable} child.py", shell=True, check=True)
        print(os.path.isdir(os.path.dirname(__import__("json").loads(os.environ["RESILIENCE_RUN"])["folder"])))
        """,
    )
    ours = clients.run("script.py")
    assert (ours.code, ours.out) == (0, "True\n")
    assert ours.err == "resilience: 3 calls, 1 retry; waited 10 ms; policy running\n"


def test_a_script_that_becomes_another_program_stays_the_root(clients: Scripts) -> None:
    """It has the same process number, and what it did before it changed counts."""
    clients.write(
        "script.py",
        """
        import os, sys
        from working import work
        work("first" if len(sys.argv) == 1 else "second")
        if len(sys.argv) == 1:
            os.execv(sys.executable, [sys.executable, "script.py", "again"])
        """,
    )
    assert clients.run("script.py").said() == ["resilience: 2 calls, 1 retry; waited 10 ms; policy running"]


def test_a_child_that_cannot_be_covered_runs_as_it_is(clients: Scripts) -> None:
    """A Python that ignores the environment, or has no environment, starts without us and without a word."""
    clients.write(
        "script.py",
        """
        import subprocess, sys
        for command in ([sys.executable, "-I", "-c", "print(1)"], ["env", "-i", sys.executable, "-c", "print(2)"]):
            print(subprocess.run(command, check=True, capture_output=True, text=True))
        """,
    )
    ours = clients.run("script.py", options=["--quiet"])
    assert ours == clients.plain("script.py")


def test_signals_reach_the_script(clients: Scripts) -> None:
    """There is no process between the one who sends and the script: its own handler runs, at once."""
    clients.write(
        "script.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        print("ready", flush=True)
        time.sleep(60)
        """,
    )
    with clients.start("script.py") as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        os.kill(running.pid, signal.SIGTERM)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (9, "", "resilience: no management calls; policy running\n")
