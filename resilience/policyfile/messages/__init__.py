"""What is said about a policy: ids, problems, suggestions, and words that show no secret."""
