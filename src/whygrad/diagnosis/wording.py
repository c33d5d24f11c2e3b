"""Numbers, layers and units in words, as findings say them."""

from __future__ import annotations

from collections.abc import Sequence

from whygrad.diagnosis.records import Record

SHOWN = 8  # units named in a sentence


def number(x: float, digits: int = 3) -> str:
    """``0.0231``, ``3.62e-05``; three digits say enough."""
    from whygrad.render.numbers import number as written

    return written(x, digits)


def percent(share: float) -> str:
    """``98 %``."""
    from whygrad.render.numbers import percent as written

    return written(share)


def times(ratio: float) -> str:
    """``71 times``, ``1.6 times``: a ratio in two digits."""
    return f"{number(float(f'{ratio:.2g}'))} times"


def examples(n: int) -> str:
    """``one example``, ``1,000 examples``."""
    from whygrad.render.numbers import counted

    return counted(n, "example")


def layers_named(record: Record, places: Sequence[int]) -> str:
    """``layer 1``, ``layer 1 to layer 3``, ``layer 1, layer 3 and fc``."""
    from whygrad.render.words import listed

    names = [record.layers[i].name for i in places]
    if len(places) > 2 and list(places) == list(range(places[0], places[-1] + 1)):
        return f"{names[0]} to {names[-1]}"
    return listed(names)


def units_listed(units: Sequence[int]) -> str:
    """``unit 3``, ``units 0, 4, 7 and 12 more``."""
    listed = ", ".join(map(str, units[:SHOWN]))
    more = f" and {len(units) - SHOWN:,} more" if len(units) > SHOWN else ""
    return f"unit {listed}" if len(units) == 1 else f"units {listed}{more}"
