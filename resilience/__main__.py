"""Run the command ``resilience`` as ``python -m resilience``."""

from resilience.cli import main

main()
