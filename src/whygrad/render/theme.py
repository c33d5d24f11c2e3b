"""The colors of pages and pictures, in light and in dark; every text color has a contrast of at least 4.5 to 1."""

from __future__ import annotations

LIGHT = {
    "paper": "#ffffff",
    "raised": "#f6f7f9",
    "ink": "#1b1f24",
    "faint": "#59636e",
    "line": "#d0d7de",
    "edge": "#8c959f",
    "accent": "#0b57b7",
    "tint": "#e7f0fc",
    "gradient": "#a8340a",
    "wash": "#fdeee6",
    "good": "#1a6b33",
    "bad": "#b3261e",
}
DARK = {
    "paper": "#14171c",
    "raised": "#1d2128",
    "ink": "#e8eaed",
    "faint": "#9aa4af",
    "line": "#353c46",
    "edge": "#6e7984",
    "accent": "#7db4ff",
    "tint": "#182d4a",
    "gradient": "#ffa27a",
    "wash": "#3a2116",
    "good": "#6fd18c",
    "bad": "#ff8a80",
}


def colours(selector: str) -> str:
    """CSS that gives ``selector`` the colors as variables: light, dark where the reader's system is, or as told.

    A page may decide for itself with ``data-theme="dark"`` or ``"light"`` on its root.
    """
    light, dark = (";".join(f"--{name}:{color}" for name, color in theme.items()) for theme in (LIGHT, DARK))
    light, dark = f"{{{light};color-scheme:light}}", f"{{{dark};color-scheme:dark}}"
    inside = "" if selector == ":root" else f" {selector}"
    told = f":root[data-theme=light]{inside}{light}:root[data-theme=dark]{inside}{dark}"
    return f"{selector}{light}@media (prefers-color-scheme:dark){{{selector}{dark}}}{told}"
