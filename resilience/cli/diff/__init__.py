"""``resilience diff``: the difference in effect between two policies, or two environments of one."""
