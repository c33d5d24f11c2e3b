"""Explanations, programs and reports as text, LaTeX, HTML, JSON and pictures; computes nothing."""
