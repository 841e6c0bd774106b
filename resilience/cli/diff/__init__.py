"""``resilience diff``: how two policies, or two environments of one, differ in effect."""
