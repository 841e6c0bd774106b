"""Metrics: what calls, attempts, waits and remedies take, and how often."""
