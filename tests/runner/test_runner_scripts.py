"""Scripts as people write them end as without us, and leave nothing out of their trace."""

from __future__ import annotations

import json

import pytest
from otlp_receiver import Receiver
from script_runs import Scripts

from resilience.sandbox import Sandbox

pytest_plugins = ("runner_fixtures",)


@pytest.fixture
def traced(clients: Scripts, receiver: Receiver) -> Scripts:
    clients.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.endpoint
    return clients


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_pool_that_is_terminated_sends_its_spans(method: str, traced: Scripts, receiver: Receiver) -> None:
    """The end of ``with Pool()`` is SIGTERM for its workers; what they have to send arrives all the same."""
    traced.write(
        "script.py",
        f"""
        import multiprocessing
        from clients import *
        if __name__ == "__main__":
            with multiprocessing.get_context({method!r}).Pool(2) as pool:
                print(sorted(pool.map(make_topic, ["a-topic", "b-topic", "c-topic"])))
                workers = list(pool._pool)
            print({{worker.exitcode for worker in workers}} <= {{0, -15}})
        """,
    )
    ours = traced.run("script.py")
    assert (ours.code, ours.out) == (0, "['a-topic', 'b-topic', 'c-topic']\nTrue\n")
    assert ours.err == "resilience: 3 calls; policy running\n"
    assert len(receiver.named("attempt CreateTopic")) == 3
    assert len(receiver.named("run script.py")) == 1


@pytest.mark.parametrize("before", ["make_topic('first')", "pass"], ids=["after-a-call", "only-children-call"])
def test_a_process_that_leaves_by_os_exit_sends_its_spans(before: str, traced: Scripts, receiver: Receiver) -> None:
    """One that was forked by hand, and then the script itself; each with its own exit code."""
    traced.write(
        "script.py",
        f"""
        from clients import *
        {before}
        child = os.fork()
        make_topic("third" if child else "second")
        if child == 0:
            os._exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        os._exit(status=7)
        """,
    )
    ours = traced.run("script.py")
    assert (ours.code, ours.out, ours.err) == (7, "3\n", "")
    calls = 2 + (before != "pass")
    assert len(receiver.named("attempt CreateTopic")) == calls
    (run,) = receiver.named("run script.py")
    assert {each.value.int_value for each in run.attributes if each.key == "resilience.run.calls"} == {calls}


def test_without_telemetry_ways_out_are_pythons_own(clients: Scripts) -> None:
    """Nobody waits for what there is not."""
    clients.write(
        "script.py",
        """
        import multiprocessing, os
        from clients import *
        def left(name):
            make_topic(name)
            return not hasattr(os._exit, "__wrapped__")
        if __name__ == "__main__":
            with multiprocessing.get_context("fork").Pool(1) as pool:
                print(pool.apply(left, ["a-topic"]), left("b-topic"))
        """,
    )
    assert clients.run("script.py").out == "True True\n"


LOGGING = """
    import logging, sys
    from clients import *
    class Short(logging.Formatter):
        def format(self, record):
            return f"{{record.name}} {{record.levelname}}"
    handler = logging.StreamHandler(sys.{stream})
    handler.setFormatter(Short())
    logging.basicConfig(level=logging.{level}, handlers=[handler])
    logging.info("mine")
    make_topic(sys.argv[1])
    print("done")
    """


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
def test_a_log_on_standard_output_has_no_lines_of_ours(
    level: str, traced: Scripts, receiver: Receiver, cloud: Sandbox
) -> None:
    """Neither what we log of a retry, nor what is logged of the sending of telemetry."""
    traced.write("script.py", LOGGING.format(stream="stdout", level=level))
    plain = traced.plain("script.py", "first")
    ours = traced.run("script.py", "second")
    assert (ours.code, ours.out) == (plain.code, plain.out)
    assert "root INFO" in ours.out
    cloud.script("CreateTopic", "RequestLimitExceeded")
    retried = traced.run("script.py", "third")
    assert "resilience" not in retried.out
    assert "1 retry" in retried.err
    assert len(receiver.named("attempt CreateTopic")) == 3


def test_a_log_elsewhere_has_the_retries(clients: Scripts, cloud: Sandbox) -> None:
    """Standard error, where Python's logging goes as a rule, tells what was decided."""
    clients.write("script.py", LOGGING.format(stream="stderr", level="INFO"))
    cloud.script("CreateTopic", "RequestLimitExceeded")
    ours = clients.run("script.py", "sensors")
    assert ours.out == "done\n"
    assert ours.err.splitlines()[:2] == ["root INFO", "resilience.calls INFO"]


def test_a_script_that_closes_every_file_keeps_its_own_to_itself(clients: Scripts) -> None:
    """A daemon does so when it begins; its next files get the numbers that ours had, and none of our lines."""
    clients.write(
        "script.py",
        """
        from clients import *
        make_topic("before")
        os.chdir("/")
        os.closerange(3, 256)
        mine = [open(f"{sys.argv[1]}/mine-{number}.txt", "w+") for number in range(8)]
        make_topic("after-it")
        print([file.read() for file in mine], flush=True)
        os._exit(0)  # what the SDK holds would complain of a closed socket
        """,
    )
    ours = clients.run("script.py", str(clients.folder), options=("--journal", "run.jsonl"))
    assert (ours.code, ours.out, ours.err) == (0, f"{[''] * 8}\n", "")
    journal = [json.loads(line) for line in (clients.folder / "run.jsonl").read_text("utf-8").splitlines()]
    assert [each["ended"] for each in journal if each["record"] == "call_ended"] == ["success", "success"]
