"""What ``resilience report`` counts and shows: as text, as JSON and as a page."""
