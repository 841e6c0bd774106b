"""The state that all processes of a run share: counts, names, notes for its end."""
