"""
The inside of ``resilience run``: an unmodified script under a policy.

The command replaces itself by plain Python, with a folder of ours in front of
PYTHONPATH. Python imports the ``sitecustomize`` in it before the script begins, in
the script's own process and in every Python that this one starts; what all of
them need to know travels in the environment variable ``RESILIENCE_RUN``.

There the policy is checked, once, and one finder is put into ``sys.meta_path``.
When the script imports one of the SDKs, the finder brings in the rest of us, and
the methods of the SDK's client classes are replaced by ones that call them under
the policy. Everything else, from ``__main__`` to signals and exit codes, is plain
Python's own.

Not under the policy are a Python that ignores the environment (``-I``, ``-E``, ``-S``), one
of another installation, and a process that is started without our variables.

What a script sends by another way than its SDKs' methods, or as a request that cannot be made twice, goes out as it
would without us. The functions that HTTP requests pass on their way out are looked at
(``patches/requests_sent.py``), and what no call has sent to a service, or to an API of the policy, is counted by
operation and way: the summary says it.

A process that leaves by ``os._exit``, and a worker of a pool that is ended with SIGTERM,
send their telemetry before. One that a signal kills is under the policy too, and its last
seconds of telemetry are lost; a journal has them. What we log goes where the
script's log goes, except to standard output.

A script cannot have a module of its own that is named like one of ours or of our
dependencies (``resilience``, ``attr``, ``attrs``, ``tomli``): these are imported first.
"""
