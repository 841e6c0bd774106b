"""The parts that the adapters share: reading exceptions, answers, frames and names, of any SDK."""
