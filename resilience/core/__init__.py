"""
The decisions: what follows a failed attempt, computed as a plain value from plain values.

Nothing here reads a clock, draws a random number, opens a file or awaits. Time
and chance are arguments, so a policy can be tested, explained and simulated
without a network.
"""
