"""Plays ApsaraMQ for MQTT and the token service beside it."""
