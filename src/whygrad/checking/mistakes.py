"""The table of mistakes: each row is an id, how simple it is, how the derivation is changed by it, and how it reads.

A row changes what arrives at one value ``w``. ``tries`` gives every way to make the mistake there: the arrival that it
leads to, and the words for the row's sentence. ``∂C/∂w`` is written ``{w}``. A lower ``weight`` is a simpler mistake.
The rows stand in ``mistakes_sums.py`` and ``mistakes_factors.py``; mistakes of shape alone in ``shapes.py``.
"""

from __future__ import annotations

from whygrad.checking import mistakes_factors, mistakes_sums
from whygrad.checking.table import ROWS, Mistake

MISTAKES: dict[str, Mistake] = dict(ROWS)
KINDS = (mistakes_sums, mistakes_factors)  # importing them filled the table
