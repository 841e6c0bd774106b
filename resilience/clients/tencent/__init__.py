"""The adapter of Tencent Cloud's SDK, for its synchronous and its asynchronous clients."""
