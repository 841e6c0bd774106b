"""The runtimes of calls: an event loop, or the thread that makes the call."""
