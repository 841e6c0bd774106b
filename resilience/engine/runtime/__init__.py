"""Where calls run and wait: an event loop, or the thread that makes the call."""
