"""Native code: the parts that numba-compiled programs call, and the means to compile, keep and run them."""
