"""Choosing by name from a table, with the one error for a name that is not in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

from whygrad.errors import ArgumentError

T = TypeVar("T")


def choose(what: str, name: object, table: Mapping[str, T]) -> T:
    """``table[name]``; an unknown name is refused with the names there are, and the nearest of them."""
    if isinstance(name, str) and name in table:
        return table[name]
    close = difflib.get_close_matches(str(name), table, n=1)
    raise ArgumentError(
        f"{what} {name!r} is not known",
        why=f"the names are {', '.join(table)}",
        try_=f"{what}={close[0]!r}" if close else f"one of those names, or a function of your own as {what}=",
    )
