"""Messages about policies: ids, problems, suggestions, and wording that shows no secret."""
