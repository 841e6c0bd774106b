"""Metrics: the number and the durations of calls, attempts, waits and remedies."""
