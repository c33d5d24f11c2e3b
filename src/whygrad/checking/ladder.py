"""The kinds of exercises, from one neuron to a network with branching paths, and how each draws its numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from whygrad.checking import numbers
from whygrad.checking.numbers import Draw
from whygrad.checking.questions import Ask, Derivation
from whygrad.explain.explanation import Name
from whygrad.graph.node import named
from whygrad.graph.record import record
from whygrad.nn.activations import ACTIVATIONS
from whygrad.rules.define import Value

Given = dict[str, float]
Values = dict[str, Value]
Table = Literal["", "sigmoid", "sigmoid and log"]
MOST_TRIES = 50_000

FORWARD, BACKWARD = "Forward", "Backward"
BP1 = "BP1: the error of the output layer"
BP2 = "BP2: the errors of the hidden layer"
BP3 = "BP3: the gradients of the biases"
BP4 = "BP4: the gradients of the weights"
COSTS: dict[str, Callable[[Value, Value], Value]] = {  # of one output neuron: each step is a single number's
    "squared_error": lambda a, y: (a - y) ** 2,
    "cross_entropy": lambda a, y: -(y * np.log(a) + (1.0 - y) * np.log(1.0 - a)),
}


@dataclass(frozen=True)
class Kind:
    """A rung of the ladder.

    ``given`` draws the numbers, ``values`` computes every named value, the cost last; ``asks`` are the blanks.
    ``statement`` is the exercise as equations; ``sizes``: neurons per layer, empty where there is no network.
    """

    name: str
    title: str
    statement: tuple[Name, ...]
    given: Callable[[Draw], Given]
    values: Callable[[Mapping[str, Value]], Values]
    asks: tuple[Ask, ...]
    table: Table = ""
    sizes: tuple[int, ...] = ()
    activations: tuple[str, ...] = ()

    def drawn(self, *seed: object) -> Derivation:
        """The first numbers in this seed's stream that are easy by hand, as a derivation."""
        draw = Draw(self.name, *seed)
        for _ in range(MOST_TRIES):
            given = self.given(draw)
            if self._is_alive(given) and self._is_easy(derivation := self.derivation(given)):
                return derivation
        raise AssertionError(f"no easy numbers for {self.name} with {seed}")

    def derivation(self, given: Given) -> Derivation:
        """The exercise on given numbers."""

        def program(given: Mapping[str, Value]) -> Value:
            values = self.values({label: named(x, label) for label, x in given.items()})
            return [named(x, label) for label, x in values.items()][-1]

        recorded = record(program, (given,), {})
        ours = {node: label for node, label in recorded.labels.items() if node.name == label}  # not this room's locals
        return Derivation(replace(recorded, labels=ours), self.asks)

    def _is_alive(self, given: Given) -> bool:
        """A cheap look at the forward pass: no neuron is dead, saturated or outside the table, no two are the same."""
        inputs = [x for label, x in given.items() if label.startswith("a^0")]
        with np.errstate(all="ignore"):
            values = {label: float(x) for label, x in self.values(given).items()}
        zs = {label: z for label, z in values.items() if label.startswith("z^")}
        fits = {"sigmoid": numbers.in_table, "relu": lambda z: 0.5 <= z <= 8, "identity": numbers.is_handy}
        return (
            all(fits[self.activations[int(label[2]) - 1]](z) for label, z in zs.items())
            and len({(label[2], abs(z)) for label, z in zs.items()}) == len(zs)
            and len(set(inputs)) == len(inputs)
            and self._are_easy(values.values())
        )

    def _is_easy(self, derivation: Derivation) -> bool:
        errors = [(blank[:8], abs(x)) for blank, x in derivation.right.items() if blank.startswith("delta^")]
        return len(set(errors)) == len(errors) and self._are_easy(derivation.numbers)

    def _are_easy(self, values: Iterable[float]) -> bool:
        """No number is 0, tiny or huge; where nothing is read from a table, none has more than two decimals."""
        return all(numbers.is_handy(x) and (self.table or numbers.is_short(x)) for x in values)


# ---- networks --------------------------------------------------------------------------------------------------------


def _network(name: str, title: str, sizes: tuple[int, ...], activations: tuple[str, ...], cost: str) -> Kind:
    """A fully connected network of single numbers, ``z^1_0`` and ``w^1_00`` each a value of its own."""
    table: Table = "" if "sigmoid" not in activations else "sigmoid and log" if "entropy" in cost else "sigmoid"

    def given(draw: Draw) -> Given:
        found: Given = {f"a^0_{k}": draw.one(numbers.INPUTS) for k in range(sizes[0])}
        for l, j, k in _weights(sizes):
            found[f"w^{l}_{j}{k}"] = draw.one(numbers.WEIGHTS)
        for l, j in _neurons(sizes):
            found[f"b^{l}_{j}"] = draw.one(numbers.BIASES)
        squished = activations[-1] == "sigmoid"
        return found | {f"y_{j}": draw.one((0.0, 1.0) if squished else numbers.TARGETS) for j in range(sizes[-1])}

    def values(p: Mapping[str, Value]) -> Values:
        found: Values = {}
        for l, j in _neurons(sizes):
            below = p if l == 1 else found
            z = sum(
                (p[f"w^{l}_{j}{k}"] * below[f"a^{l - 1}_{k}"] for k in range(1, sizes[l - 1])),
                start=p[f"w^{l}_{j}0"] * below[f"a^{l - 1}_0"],
            )
            found[f"z^{l}_{j}"] = z + p[f"b^{l}_{j}"]
            found[f"a^{l}_{j}"] = ACTIVATIONS[activations[l - 1]](found[f"z^{l}_{j}"])
        L = len(sizes) - 1
        each = [COSTS[cost](found[f"a^{L}_{j}"], p[f"y_{j}"]) for j in range(sizes[-1])]
        return found | {"C": sum(each[1:], start=each[0])}

    return Kind(
        name,
        title,
        _statement(sizes, activations, cost),
        given,
        values,
        tuple(_asks(sizes, activations, cost)),
        table,
        sizes,
        activations,
    )


def _neurons(sizes: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return ((l, j) for l in range(1, len(sizes)) for j in range(sizes[l]))


def _weights(sizes: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    return ((l, j, k) for l, j in _neurons(sizes) for k in range(sizes[l - 1]))


def _asks(sizes: tuple[int, ...], activations: tuple[str, ...], cost: str) -> Iterator[Ask]:
    """Forward, then BP1, BP2 from the last hidden layer down, BP3 and BP4."""
    for l, j in _neurons(sizes):
        yield Ask("value", f"z^{l}_{j}", FORWARD)
        if activations[l - 1] != "identity":
            yield Ask("value", f"a^{l}_{j}", FORWARD)
    yield Ask("value", "C", FORWARD)
    L = len(sizes) - 1
    for l, j in itertools.chain.from_iterable([(l, j) for j in range(sizes[l])] for l in range(L, 0, -1)):
        part = BP1 if l == L else BP2
        # the identity's slope is 1 and cross-entropy's cancels σ': then δ is one step from the output
        at_once = activations[l - 1] == "identity" or (l == L and cost == "cross_entropy")
        if not at_once:
            yield Ask("gradient", f"a^{l}_{j}", part, at_once=l == L)
            yield Ask("slope", f"z^{l}_{j}", part)
        yield Ask("gradient", f"z^{l}_{j}", part, at_once)
    for l, j in _neurons(sizes):
        yield Ask("gradient", f"b^{l}_{j}", BP3)
    for l, j, k in _weights(sizes):
        yield Ask("gradient", f"w^{l}_{j}{k}", BP4)


SQUISHES = {
    "sigmoid": (r"σ({})", r"\sigma({})"),
    "relu": ("relu({})", r"\mathrm{{relu}}({})"),
    "identity": ("{}", "{}"),
}


def _statement(sizes: tuple[int, ...], activations: tuple[str, ...], cost: str) -> tuple[Name, ...]:
    lines = []
    for l in range(1, len(sizes)):
        j = "j" if sizes[l] > 1 else "0"
        text = [f"w^{l}_{j}{k} · a^{l - 1}_{k}" for k in range(sizes[l - 1])]
        latex = [rf"w^{{{l}}}_{{{j}{k}}} \, a^{{{l - 1}}}_{{{k}}}" for k in range(sizes[l - 1])]
        lines.append(
            Name(
                f"z^{l}_{j} = {' + '.join(text)} + b^{l}_{j}",
                f"z^{{{l}}}_{{{j}}} = {' + '.join(latex)} + b^{{{l}}}_{{{j}}}",
            )
        )
        in_text, in_latex = SQUISHES[activations[l - 1]]
        lines.append(
            Name(
                f"a^{l}_{j} = {in_text.format(f'z^{l}_{j}')}",
                f"a^{{{l}}}_{{{j}}} = {in_latex.format(f'z^{{{l}}}_{{{j}}}')}",
            )
        )
    return (*lines, _cost_statement(len(sizes) - 1, sizes[-1], cost))


def _cost_statement(L: int, outputs: int, cost: str) -> Name:
    if cost == "cross_entropy":
        a, y = f"a^{{{L}}}_{{0}}", "y_{0}"
        return Name(
            f"C = -(y_0 · log(a^{L}_0) + (1 - y_0) · log(1 - a^{L}_0))",
            rf"C = -\left({y} \log {a} + (1 - {y}) \log(1 - {a})\right)",
        )
    each = [(f"(a^{L}_{j} - y_{j})^2", f"(a^{{{L}}}_{{{j}}} - y_{{{j}}})^2") for j in range(outputs)]
    return Name("C = " + " + ".join(t for t, _ in each), "C = " + " + ".join(x for _, x in each))


# ---- expressions -----------------------------------------------------------------------------------------------------


def _chain(name: str, title: str, links: int) -> Kind:
    """One neuron per layer without squish or bias: a1 = w1 · a0, a2 = w2 · a1, ..., C = (a - y)²."""

    def given(draw: Draw) -> Given:
        found = {"a0": draw.one(numbers.INPUTS)}
        found |= {f"w{i}": draw.one(numbers.WEIGHTS) for i in range(1, links + 1)}
        return found | {"y": draw.one(numbers.TARGETS)}

    def values(p: Mapping[str, Value]) -> Values:
        a, found = p["a0"], {}
        for i in range(1, links + 1):
            a = found[f"a{i}"] = p[f"w{i}"] * a
        return found | {"C": COSTS["squared_error"](a, p["y"])}

    down = range(links, 0, -1)
    asks = [Ask("value", f"a{i}", FORWARD) for i in range(1, links + 1)] + [Ask("value", "C", FORWARD)]
    asks += [Ask("gradient", f"a{i}", BACKWARD, at_once=i == links) for i in down] + [
        Ask("gradient", f"w{i}", BACKWARD) for i in down
    ]
    statement = [Name(f"a{i} = w{i} · a{i - 1}", rf"a_{{{i}}} = w_{{{i}}} \, a_{{{i - 1}}}") for i in reversed(down)]
    statement.append(Name(f"C = (a{links} - y)^2", f"C = (a_{{{links}}} - y)^2"))
    sizes, activations = (1,) * (links + 1), ("identity",) * links
    return Kind(name, title, tuple(statement), given, values, tuple(asks), "", sizes, activations)


def _branch() -> Kind:
    """Two values that are each used twice: their gradients are sums, and the order of the steps matters."""

    def given(draw: Draw) -> Given:
        return {"a": draw.one(numbers.INPUTS), "k": draw.one(numbers.WEIGHTS)}

    def values(p: Mapping[str, Value]) -> Values:
        u = p["k"] * p["a"]
        v = p["a"] + u
        return {"u": u, "v": v, "C": u * v}

    asks = [Ask("value", label, FORWARD) for label in "uvC"] + [Ask("gradient", label, BACKWARD) for label in "vuak"]
    statement = (
        Name("u = k · a", r"u = k \, a"),
        Name("v = a + u", "v = a + u"),
        Name("C = u · v", r"C = u \, v"),
    )
    return Kind("branch", "Values that are used twice", statement, given, values, tuple(asks))


def _twice() -> Kind:
    """The shortest program in which walking down from the output twice gives a wrong gradient."""

    def values(p: Mapping[str, Value]) -> Values:
        b = p["a"] + p["a"]
        return {"b": b, "C": b * b}

    asks = [Ask("value", label, FORWARD) for label in "bC"] + [Ask("gradient", label, BACKWARD) for label in "ba"]
    statement = (Name("b = a + a", "b = a + a"), Name("C = b · b", r"C = b \cdot b"))
    inputs = (*numbers.INPUTS, 2.5, -2.0, -1.5, -0.5, 4.0, 5.0)
    return Kind("twice", "A value plus itself", statement, lambda d: {"a": d.one(inputs)}, values, tuple(asks))


LADDER: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        _chain("chain", "A chain of three weights", 3),
        _chain("long-chain", "A chain of five weights", 5),
        _twice(),
        _branch(),
        _network("1-1", "One neuron", (1, 1), ("sigmoid",), "squared_error"),
        _network("2-1", "One neuron with two inputs", (2, 1), ("sigmoid",), "squared_error"),
        _network("1-1-1", "One neuron per layer", (1, 1, 1), ("sigmoid", "identity"), "squared_error"),
        _network("1-1-1-relu", "One neuron per layer, with relu", (1, 1, 1), ("relu", "identity"), "squared_error"),
        _network("2-2-1", "Two hidden neurons", (2, 2, 1), ("sigmoid", "identity"), "squared_error"),
        _network("2-2-1-relu", "Two hidden neurons, with relu", (2, 2, 1), ("relu", "identity"), "squared_error"),
        _network("2-2-2", "Two neurons in every layer", (2, 2, 2), ("sigmoid", "identity"), "squared_error"),
        _network(
            "2-2-2-relu", "Two neurons in every layer, with relu", (2, 2, 2), ("relu", "identity"), "squared_error"
        ),
        _network("cross-entropy", "Cross-entropy", (2, 2, 1), ("relu", "sigmoid"), "cross_entropy"),
    )
}
