"""
Run an unmodified script under a policy: the implementation of ``resilience run``.

The command replaces itself by plain Python, with our folder ``startup/sitecustomize`` first
in PYTHONPATH. Python imports the ``sitecustomize`` of that folder before the script begins,
in the script's process and in every Python that the script starts. The environment variable
``RESILIENCE_RUN`` tells each of them about the run.

The script's process checks the policy once. Every process puts one finder into
``sys.meta_path``. When the script imports an SDK, the finder imports the rest of this package,
which replaces the methods of the SDK's client classes by wrapped ones. Everything else, from
``__main__`` to signals and exit codes, is plain Python.

The policy does not apply to a Python that ignores the environment (``-I``, ``-E``, ``-S``), to
a Python of another installation, and to a process that is started without our variables.

A script may send requests without the methods of an SDK, or requests that cannot be repeated. They are sent without
the policy. The runner watches the functions that every HTTP request passes (``patches/requests_sent.py``), and counts
requests that no wrapped call has sent to a service, or to an API of the policy. The summary shows them by operation and
way.

A process that leaves by ``os._exit``, and a worker of a pool that SIGTERM ends, send their
telemetry first. A process that another signal kills loses its last seconds of telemetry; a
journal has them. Our log records go to the handlers of the script's log, except those that
write to standard output.

A script cannot have a module with the name of this package or of its dependencies
(``resilience``, ``attr``, ``attrs``, ``tomli``): these are imported first.
"""
