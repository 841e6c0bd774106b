"""What all processes of a run know together: counts, names, notes for its end."""
