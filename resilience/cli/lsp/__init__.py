"""``resilience lsp``: policies in editors, by the Language Server Protocol."""
