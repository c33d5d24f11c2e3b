"""Every rule as a plain function of NumPy arrays: what printed programs call where NumPy has no function of that
name.
"""

from __future__ import annotations

from types import SimpleNamespace

from whygrad.rules.table import RULES

rules = SimpleNamespace(**{name: rule.forward for name, rule in RULES.items()})
