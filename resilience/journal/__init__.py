"""
Records of calls: writes and reads journals, and reads spans from OTLP JSON.

An executor with a :class:`resilience.Journal` among its observers writes a journal (``writer``). One description of the
format serves both directions (``format``). ``reader`` reads a file of either kind into the values of ``model``:

    recording = read("run.jsonl")
    for call in recording.calls:
        print(call.operation, call.ended, len(call.attempts))

A journal has all these values. Spans lack some: the provider and class of a fault with a code, the old name of a
rename, and calls without an end apart from their attempts.
"""
