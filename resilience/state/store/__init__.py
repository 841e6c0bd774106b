"""What executors of several processes share: one protocol, and stores in memory, in a file and on a server."""

from resilience.state.store.protocol import StateError, Store

__all__ = ["StateError", "Store"]
