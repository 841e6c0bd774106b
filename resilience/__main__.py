"""``python -m resilience`` is the command ``resilience``."""

from resilience.cli import main

main()
