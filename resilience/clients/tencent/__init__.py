"""Tencent Cloud's SDK: its synchronous and its asynchronous clients."""
