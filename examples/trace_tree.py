"""
How do I see the trace of a script in my terminal, without a tracing backend?

The library makes spans as soon as the program sets a tracer provider. This one keeps them in memory, and they are drawn
when the work is done. For a backend, give the provider a ``BatchSpanProcessor`` with an OTLP exporter instead, and call
``provider.shutdown()`` at the end: short scripts lose their last spans otherwise. Needs the extra ``otel``::

    python examples/trace_tree.py
"""

from __future__ import annotations

from collections.abc import Iterator

import anyio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from resilience import Executor, Policy, ServiceError
from resilience.telemetry import Node, build_tree


def record() -> tuple[TracerProvider, InMemorySpanExporter]:
    """Return a provider that keeps its spans, and where it keeps them."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return provider, kept


def drawn(node: Node, depth: int = 0) -> Iterator[str]:
    """Yield a line for a span, one for each thing known of it, and then its parts."""
    margin = "    " * depth
    yield f"{margin}{node.name}  {node.duration:.2f} s" + ("  ERROR" if node.status == "error" else "")
    for fact in node.facts:
        yield f"{margin}  - {fact}"
    for child in node.children:
        yield from drawn(child, depth + 1)


async def main() -> None:
    """Make one call that is throttled, in a span of our own, and draw the trace."""
    provider, kept = record()
    trace.set_tracer_provider(provider)
    answers = ["ApplyTokenOverFlow", "ok"]

    executor = Executor(Policy.load("builtin:alibaba-mqtt"), provider="alibaba")

    @executor.wrap("ApplyToken")
    async def apply_token(instance_id: str, topics: str) -> str:
        answer = answers.pop(0)
        if answer != "ok":
            raise ServiceError(answer, status=400, request_id="5D2C7A4E")
        return f"a token for {topics} on {instance_id}"

    with provider.get_tracer("my-script").start_as_current_span("provision"):
        await apply_token("mqtt-cn-x", "sensors/#")
    for root in build_tree(kept.get_finished_spans()):
        print("\n".join(drawn(root)))


if __name__ == "__main__":
    anyio.run(main)
