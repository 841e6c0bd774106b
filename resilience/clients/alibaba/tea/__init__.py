"""Alibaba's present SDK: clients that are built on tea-openapi."""
