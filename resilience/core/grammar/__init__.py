"""The small languages inside of a policy and a script: durations, patterns of names, scripted faults."""
