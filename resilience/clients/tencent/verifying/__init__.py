"""Verifiers for the resources that clients of Tencent's SDK for MQTT create."""
