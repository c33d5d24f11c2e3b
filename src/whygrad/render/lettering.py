"""How wide text will be before any browser has drawn it: estimated generously, so that nothing overlaps or is cut."""

from __future__ import annotations

NARROW, WIDE = frozenset("iljtfrI.,:;|!'()[]{}/ ·-"), frozenset("mwMW@%…→⟨⟩×≈∂Σ")
FAMILY = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Pixels that ``text`` takes in the widest of the usual sans-serif fonts (DejaVu Sans, Verdana) at a font size."""
    ems = sum(_ems(character) for character in text)
    return size * ems * (1.1 if bold else 1.0)


def _ems(character: str) -> float:
    if character in NARROW:
        return 0.42
    if character in WIDE or ord(character) > 0x2E80:  # Chinese, Japanese and Korean letters are square
        return 1.05
    return 0.78 if character.isupper() else 0.66


def shortened(text: str, most: int = 22) -> str:
    """``text`` in at most ``most`` characters: the middle of a long name is left out, its ends tell it from others."""
    if len(text) <= most:
        return text
    last = most // 2
    return f"{text[: most - last - 1]}…{text[len(text) - last :]}"
