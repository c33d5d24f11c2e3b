"""Programs made native: a traced graph becomes loops, loops become machine code, and machine code is kept on disk."""

from whygrad.jit.compiled import available, jit

__all__ = ["available", "jit"]
