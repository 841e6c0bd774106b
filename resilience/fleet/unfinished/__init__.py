"""What earlier runs have started and not finished."""
