"""The report on a trained network: what it learned, where it errs and why one weight changes, as one page."""
