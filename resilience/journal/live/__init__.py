"""Journals that are still written: their new records, and what they say about now."""
