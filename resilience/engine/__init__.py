"""The shell around the decisions: it calls, waits, renews credentials, verifies and reports."""
