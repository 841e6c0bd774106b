"""The parts of a step of the machine: what keeps an action from being taken, the decision, and what remedies bring."""
