"""The limits of a report: waits before attempts, rates against limits, and how limits and breakers changed."""
