"""The telemetry of a run: one span above its processes, and its log records."""
