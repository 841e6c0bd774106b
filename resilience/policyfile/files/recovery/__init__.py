"""What a text that is not TOML says all the same, and what to write instead."""
