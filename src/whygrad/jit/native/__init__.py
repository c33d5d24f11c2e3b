"""Native code: printed programs translated by LLVM, and the means to keep and run them."""
