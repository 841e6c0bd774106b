"""Verifiers for the resources that clients of the present SDK for MQTT create."""
