"""``resilience demo``: runs two provisioning scripts and the vendors' SDKs against services that fail on purpose."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec

import click
from rich.console import Console
from rich.live import Live

from resilience.sandbox import Sandbox, without_proxies

_NEEDED = ("opentelemetry.sdk", "alibabacloud_onsmqtt20200420", "alibabacloud_sts20150401", "tencentcloud", "httpx")


@click.command()
def demo() -> None:
    """
    Run two provisioning scripts against services with many faults.

    The scripts are examples/alibaba_groups.py and examples/tencent_topics.py, with the vendors' own SDKs. This machine
    plays the services, which throttle, lose answers, revoke the STS token and refuse names. The policy
    builtin:provisioning decides after each fault. The demo takes about 15 seconds. The exit code is 1 if a
    promised outcome fails.
    """
    _check_installed()
    # Imported here, because these modules need the extra.
    from resilience.cli.demo import rehearsal, results  # noqa: PLC0415
    from resilience.cli.demo.live import LiveDisplay  # noqa: PLC0415
    from resilience.telemetry import build_tree  # noqa: PLC0415

    console = Console(highlight=False)
    promised = sum(map(len, rehearsal.PROMISES.values()))
    progress = LiveDisplay(promised)
    console.print(
        f"Two scripts make {promised} calls to two cloud services, which this machine plays. The policy "
        f"{rehearsal.POLICY}, environment {rehearsal.ENVIRONMENT}, decides after each fault. "
        "This takes about 15 seconds.\n"
    )
    sys.stdout.flush()
    drawn = Live(progress, console=console, transient=True, auto_refresh=console.is_terminal)
    with without_proxies(), Sandbox() as sandbox, drawn:
        played = asyncio.run(rehearsal.play(sandbox, progress))
    console.print(results.table(played))
    console.print()
    for tree in results.trace(build_tree(played.spans)):
        console.print(tree)
    console.print()
    for outcome in (each for outcomes in played.outcomes.values() for each in outcomes):
        if outcome.error is not None:
            console.print("\n".join(outcome.error.__notes__), style="dim", soft_wrap=True)
    console.print()
    console.print(results.evidence(played))
    broken = played.broken()
    for line in broken:
        console.print(line, style="bold red")
    if not broken:
        console.print(f"All {promised} calls ended as promised.", style="bold green")
    sys.exit(1 if broken or played.wanted() != played.made() else 0)


def _check_installed() -> None:
    missing = [name for name in _NEEDED if not _is_there(name)]
    if missing:
        raise click.UsageError(
            f"the demo needs {', '.join(missing)}; install it with: "
            f"{sys.executable} -m pip install 'mqtt-resilience[demo]'"
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # a parent of it is missing
        return False
