"""Reads texts that are not TOML as far as possible, and finds what to write instead."""
