"""The parts of a step of the machine: what keeps an action from being taken, limits, decisions, answers of remedies."""
