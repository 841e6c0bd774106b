"""Spans: of each call and its attempts, and of a whole run."""
