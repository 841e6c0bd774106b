"""How a run ends: signals, ways out of a process, the summary."""
