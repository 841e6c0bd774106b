"""Carry out the decisions: call, wait, renew credentials, verify, and report to observers."""
