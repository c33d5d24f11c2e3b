"""Programs as data: traced values, how they meet NumPy, and where in the user's code they came from."""
