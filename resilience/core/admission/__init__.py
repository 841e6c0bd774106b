"""What calls of one executor share: limits of their rate, a budget of retries, a breaker."""
