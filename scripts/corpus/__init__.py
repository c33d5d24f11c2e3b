"""Training set-ups whose trouble is known: a broken one is a healthy recipe with one fault, a healthy one learns."""
