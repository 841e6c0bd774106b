"""Verifiers for what clients of AWS IoT Core create."""
