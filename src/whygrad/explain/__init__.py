"""Explanations: every factor and path of a gradient, with the user's own names and numbers. Computes; does not draw."""
