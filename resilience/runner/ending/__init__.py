"""The end of a run: signals, exits of a process, the summary."""
