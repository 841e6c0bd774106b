"""Words for results: labels that telemetry and journals share, and stop reasons."""
