"""Long chains as data for a waterfall: what each factor does to the product, in powers of ten."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whygrad.explain.explanation import Explanation
    from whygrad.render.picture import Picture


@dataclass(frozen=True)
class Drop:
    """One factor: ``log10`` is the height of its step (minus infinity for a zero), ``running`` the product so far."""

    name: str
    value: float
    log10: float
    running: float


@dataclass(frozen=True)
class Waterfall:
    """The factors of a gradient from the cost down. ``value``: the gradient; the last ``running`` equals it."""

    of: str
    wrt: str
    value: float
    drops: tuple[Drop, ...]

    @property
    def shrinking(self) -> int:
        """How many factors are below 1 by size: each makes the product smaller."""
        return sum(abs(drop.value) < 1 for drop in self.drops)

    def picture(self) -> Picture:
        """The product growing factor by factor, on a logarithmic scale: ``.svg()``."""
        from whygrad.render import charts

        names, values = [drop.name for drop in self.drops], [drop.value for drop in self.drops]
        return charts.waterfall(names, values, title=f"∂{self.of}/∂{self.wrt}")

    def __str__(self) -> str:
        from whygrad.render.lessons import waterfall_text

        return waterfall_text(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def waterfall(why: Explanation) -> Waterfall:
    """The factors of one number's explanation as steps down, or up: of its whole path, where there is only one."""
    drops, running = [], 1.0
    for factor in why.paths(1)[0].factors if why.path_count == 1 else why.factors:
        value = float(factor.value)
        running *= value
        drops.append(Drop(factor.written, value, math.log10(abs(value)) if value else -math.inf, running))
    return Waterfall(why.of.text, why.wrt.text, float(why.value), tuple(drops))
