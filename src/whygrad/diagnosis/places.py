"""Where in the user's code something happened, and the numbers that met there."""

from __future__ import annotations

import linecache
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from whygrad.explain.elements import Element
from whygrad.explain.formulas import name_of, spelled
from whygrad.graph.node import Node
from whygrad.graph.record import Program


@dataclass(frozen=True)
class Place:
    """An operation: ``operation`` is its rule's name, ``made`` what the user calls the number that it makes.

    ``file``, ``line`` and ``function`` are empty (and 0) for operations inside a Network, whose values are named by
    their layers. ``code`` is the line itself, empty where it can not be read.
    """

    operation: str
    made: str
    file: str = ""
    line: int = 0
    function: str = ""
    code: str = ""

    def __str__(self) -> str:
        """``model.py:12``, or the name of what was made where there is no line."""
        return f"{PurePath(self.file.replace(chr(92), '/')).name}:{self.line}" if self.file else f"at {self.made}"


@dataclass(frozen=True)
class Operand:
    """One input of an operation: its ``value`` at the place in question, or None where all its numbers take part."""

    name: str
    value: float | bool | None
    shape: tuple[int, ...]
    dtype: str
    text: str


def place_of(program: Program, node: Node, index: int | None = None) -> Place:
    """The place where ``node`` was made; ``index``: which of its numbers is meant."""
    made = program.label(node) if index is None else name_of(program, Element(node, index)).text
    operation, site = node.rule.name if node.rule else "argument", node.site
    if site is None or site.file.startswith("<string"):
        return Place(operation, made)
    return Place(operation, made, site.file, site.line, site.function, linecache.getline(site.file, site.line).strip())


def values_of(node: Node) -> list[Any]:
    """The inputs of an operation as plain arrays."""
    return [np.asarray(x) for x in node.input_values()]


def is_elementwise(node: Node) -> bool:
    """Whether each number of the result is made of one number of each input."""
    rule = node.rule
    return rule is not None and (rule.slopes is not None or rule.name in ("where", "carry"))


def source(shape: tuple[int, ...], of: tuple[int, ...], index: int) -> int:
    """Which number of an input of that shape, broadcast, makes number ``index`` of a result of shape ``of``."""
    size = int(np.prod(shape, dtype=int))
    return int(np.broadcast_to(np.arange(size).reshape(shape), of).ravel()[index])


def operands(program: Program, node: Node, index: int) -> tuple[Operand, ...]:
    """The inputs of an operation; where it works number by number, those that make its number ``index``."""
    return tuple(_operand(program, node, i, index) for i in range(len(node.inputs)))


def _operand(program: Program, node: Node, i: int, index: int) -> Operand:
    given, value = node.inputs[i], np.asarray(node.input_values()[i])
    about = value.shape, str(value.dtype)
    if is_elementwise(node) or value.size == 1:
        at = source(value.shape, node.shape, index) if is_elementwise(node) else 0
        number = value.ravel()[at].item()
        name = name_of(program, Element(given, at)).text if isinstance(given, Node) else f"{number:g}"
        return Operand(name, number, *about, name if not isinstance(given, Node) else f"{name} = {spoken(number)}")
    name = program.label(given) if isinstance(given, Node) else "an array"
    return Operand(name, None, *about, f"{name}: {described(value)}")


def spoken(number: Any) -> str:
    """One number to four digits; yes and no as Python writes them."""
    if isinstance(number, (bool, np.bool_)):
        return str(bool(number))
    return "NaN" if number != number else spelled(float(number)).text


def described(value: Any) -> str:
    """An array in a phrase: shape, range, and how many of its numbers are not finite."""
    shape = " × ".join(map(str, value.shape)) or "one number"
    if value.size == 0:
        return f"{shape}, empty"
    if value.dtype.kind != "f":
        return f"{shape}, {value.dtype}"
    finite = value[np.isfinite(value)]
    between = f", from {spoken(finite.min())} to {spoken(finite.max())}" if finite.size else ""
    bad = value.size - finite.size
    return f"{shape}{between}" + (f", {bad} NaN or inf" if bad else "")


def log10_smallest(dtype: np.dtype[Any]) -> float:
    """log10 of the smallest (subnormal) number above 0."""
    return float(np.log10(np.finfo(dtype).smallest_subnormal.astype(np.longdouble)))
