"""The adapter of Alibaba's present SDK, whose clients are built on tea-openapi."""
