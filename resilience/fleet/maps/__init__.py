"""The calls of `Executor.map`: asked for when there is a place, made some at a time, and handed over as they end."""
