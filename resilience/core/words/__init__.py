"""What happened, in words: labels that telemetry and journals share, and why calls stopped."""
