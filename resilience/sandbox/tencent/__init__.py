"""Plays TDMQ for MQTT and the token service beside it."""
