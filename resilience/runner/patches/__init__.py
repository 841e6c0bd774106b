"""What is patched in a script's libraries: client classes become wrapped, requests are seen."""
