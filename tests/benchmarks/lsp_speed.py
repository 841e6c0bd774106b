"""
How long the language server takes for a policy of 500 rules: findings, hover and completion.

To see it, with the extra ``lsp`` installed::

    python tests/benchmarks/lsp_speed.py [--rules 500]

Each figure is the median of some runs, after a change of the text, in processor time.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from resilience.catalog import catalogue
from resilience.cli.lsp.completion import completions
from resilience.cli.lsp.documents import Document, Documents
from resilience.cli.lsp.hover import hover

_RUNS = 15


def policy(rules: int) -> str:
    """Return a policy with so many rules, three environments and two actions of its own."""
    lines = [
        "schema = 1",
        'extends = ["builtin:alibaba-mqtt"]',
        '[actions.mine]\ndo = "retry"\nmax = 3',
        "[rules.alibaba]",
    ]
    known = catalogue("alibaba")
    keys = [f"{operation}/{code}" for operation in known.operations for code in known.codes]
    lines += [f'"{key}" = "{("mine", "few", "fail")[number % 3]}"' for number, key in enumerate(keys[:rules])]
    lines += [f'[env.{env}.limits]\ndeadline = "{number}m"' for number, env in enumerate(("dev", "staging", "prod"), 4)]
    return "\n".join(lines) + "\n"


def median(what: Callable[[Documents, Document], object], text: str) -> float:
    """Return the median milliseconds that something takes on a text that has just changed."""
    times = []
    for number in range(_RUNS):
        documents = Documents()
        document = documents.put("/policies/speed.toml", f"{text}# {number}\n")
        began = time.thread_time_ns()
        what(documents, document)
        times.append((time.thread_time_ns() - began) / 1e6)
    return statistics.median(times)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=500)
    rules: int = parser.parse_args().rules
    text = policy(rules)
    line = text.split("\n").index("[rules.alibaba]") + 10

    def hovered(documents: Documents, document: Document) -> object:
        spot = document.spot(line, 4)
        return None if spot is None else hover(documents, document, spot)

    for name, what in (
        ("findings", lambda documents, document: documents.problems(document)),
        ("hover", hovered),
        ("completion", lambda documents, document: completions(documents, document, line, 1)),
    ):
        print(f"{name:12} {median(what, text):7.1f} ms, {rules} rules")  # noqa: T201  # it is what the program is for


if __name__ == "__main__":
    main()
