"""The small languages in policies and fault scripts: durations, patterns of names, scripted faults."""
