"""Numbers for people: four significant digits, every digit on demand, and readable where there is no number at all."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

DIGITS = 4
FULL = 17  # digits that identify any float64
NOISE = 1e-7  # a float32 holds 0.6 as 0.60000002: nearer to a short number than this, the short one is meant


def number(x: Any, digits: int = DIGITS) -> str:
    """``0.2350``, ``0.6`` (nothing was rounded away), ``3.62e-05``, ``NaN``, ``-inf``; all digits if ``FULL``."""
    x = float(x)
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else "inf" if x > 0 else "-inf"
    if digits >= FULL:
        return repr(x)
    if x == 0:
        return "0"
    rounded = float(f"{x:.{digits}g}")
    nothing_lost = abs(x - rounded) <= NOISE * abs(x)
    if nothing_lost and abs(rounded) < 1e6 and rounded.is_integer() and rounded:
        return str(int(rounded))
    if not 1e-4 <= abs(rounded) < 1e5:
        return _scientific(x, digits)
    if nothing_lost:
        return f"{rounded:.{digits}g}"
    places = max(digits - 1 - math.floor(math.log10(abs(rounded))), 0)
    return f"{x:.{places}f}"


def _scientific(x: float, digits: int) -> str:
    mantissa, exponent = f"{x:.{digits - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{exponent}"


def latex_number(x: Any, digits: int = DIGITS) -> str:
    r"""The same in LaTeX: ``3.62\cdot10^{-5}``, ``\infty``."""
    text = number(x, digits)
    if text in ("NaN", "inf", "-inf"):
        return {"NaN": r"\mathrm{NaN}", "inf": r"\infty", "-inf": r"-\infty"}[text]
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa}\cdot10^{{{int(exponent)}}}" if exponent else text


def factor_number(x: Any) -> str:
    """A number inside a product: a negative one in brackets."""
    text = number(x)
    return f"({text})" if text.startswith("-") else text


def latex_factor(x: Any) -> str:
    """A number inside a product, in LaTeX: brackets around a minus sign, and around a power of ten."""
    text = latex_number(x)
    return rf"\left({text}\right)" if text.startswith("-") or "cdot" in text else text


def count(n: int) -> str:
    """A whole number of any size: ``2,621,440``, and ``about 10^301`` where the digits would say less."""
    if abs(n) < 10**15:
        return f"{n:,}"
    return f"about 10^{round(math.log10(n))}"


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """``one path``, ``2 paths``."""
    return f"one {noun}" if n == 1 else f"{count(n)} {plural or noun + 's'}"


def percent(share: Any) -> str:
    """``98 %``, ``0.3 %``, ``below 0.1 %``; a share that is not a number is unknown."""
    share = float(share) * 100
    if not math.isfinite(share):
        return "unknown"
    if 0 < share < 0.1:
        return "below 0.1 %"
    if 99.9 < share < 100 and share < 100 - 1e-9:
        return "above 99.9 %"
    return f"{share:.0f} %" if share >= 10 or share == round(share) else f"{share:.1f} %"


def shape_text(shape: tuple[int, ...]) -> str:
    """``30 × 784``; a single number has none."""
    return " × ".join(str(n) for n in shape)


def array_text(shape: tuple[int, ...]) -> str:
    """``30 × 784 array``, ``array of 5``."""
    return f"array of {shape[0]}" if len(shape) == 1 else f"{shape_text(shape)} array"


def summary(value: Any) -> str:
    """One number as itself; an array in a phrase: its shape and norm."""
    array = np.asarray(value)
    if array.shape == ():
        return number(array)
    if array.size == 0:
        return f"empty {array_text(array.shape)}"
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        return f"{array_text(array.shape)}, {counted(bad, 'element')} NaN or inf"
    with np.errstate(over="ignore"):
        return f"{array_text(array.shape)}, norm {number(np.linalg.norm(array.ravel().astype(float)))}"


def rows(value: Any, widest: int = 8, most: int = 64) -> list[list[str]] | None:
    """A small vector or matrix as rows of numbers, None for anything too large to print."""
    array = np.asarray(value)
    if not 1 <= array.ndim <= 2 or array.size == 0 or array.size > most or array.shape[-1] > widest:
        return None
    return [[number(x) for x in row] for row in np.atleast_2d(array)]
