"""The lint rules, with one module for each kind of mistake."""
