"""
What calls did, written and read: journals in both directions, and spans that were exported as OTLP JSON.

An executor with a :class:`resilience.Journal` among its observers writes one (``writer``), in a format that
is described once for both directions (``format``). ``reader`` reads a file of either kind into the values of ``model``:

    recording = read("run.jsonl")
    for call in recording.calls:
        print(call.operation, call.ended, len(call.attempts))

A journal tells all of it. Spans tell less: a fault's own provider and class, where it has a
code, stay unknown, and so do the old name of a rename and calls that never ended, but for the attempts of those.
"""
