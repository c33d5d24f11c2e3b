"""Learners who differentiate by hand: random programs as source text, and their backward passes as plain NumPy lines.

Nothing here knows how mistakes are found. A mistake is made the way a person makes it: one line of the backward pass
reads otherwise. Programs are chains of neurons, dense networks on batches, values used several times, a recurrent
neuron, and a regularised matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

SQUISH = {  # z -> a, the slope by hand, the same slope written otherwise, and (mistake, what a learner writes instead)
    "sigmoid": (
        "1 / (1 + np.exp(-{z}))",
        "{a} * (1 - {a})",
        "np.exp(-{z}) / (1 + np.exp(-{z})) ** 2",
        {
            "pre-activation": "{z} * (1 - {z})",
            "slope-of-wrong-function": "(1 - {a} ** 2)",
            "slope-at-wrong-point": "(1 / (1 + np.exp(-{a}))) * (1 - 1 / (1 + np.exp(-{a})))",
        },
    ),
    "tanh": (
        "np.tanh({z})",
        "(1 - {a} ** 2)",
        "1 / np.cosh({z}) ** 2",
        {
            "pre-activation": "(1 - {z} ** 2)",
            "slope-of-wrong-function": "{a} * (1 - {a})",
            "slope-at-wrong-point": "(1 - np.tanh({a}) ** 2)",
        },
    ),
    "softplus": (
        "np.log1p(np.exp({z}))",
        "(1 / (1 + np.exp(-{z})))",
        "np.exp({z}) / (1 + np.exp({z}))",
        {
            "slope-of-wrong-function": "(1 - np.tanh({z}) ** 2)",
            "slope-at-wrong-point": "(1 / (1 + np.exp(-{a})))",
        },
    ),
}


@dataclass
class Line:
    """One line of a backward pass: the gradient by ``name``, other right spellings, and wrong ones by mistake."""

    name: str
    code: str
    also: list[str] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Task:
    """A program and its backward pass: the arguments, the forward lines, and the backward lines in order."""

    kind: str
    arguments: dict[str, Any]
    forward: list[str]
    backward: list[Line]

    def function(self) -> Callable[..., Any]:
        """The program as a function of its arguments, for whom it is to be checked."""
        body = "\n    ".join([*self.forward, "return C"])
        source = f"def program({', '.join(self.arguments)}):\n    {body}\n"
        return self._run(source)["program"]

    def gradients(self, dtype: Any, lines: list[str]) -> dict[str, Any]:
        """The learner's numbers, worked out in ``dtype`` with these backward lines."""
        source = "\n".join([*self.forward, *lines])
        values = {name: np.asarray(x, dtype)[()] for name, x in self.arguments.items()}
        found = self._run(source, values)
        return {line.name: found[f"d_{line.name}"] for line in self.backward}

    def lines(
        self, wrong_at: int | None = None, wrong: str = "", written: np.random.Generator | None = None
    ) -> list[str]:
        """The backward pass as code, one line wrong; ``written``: right lines in any of their spellings."""
        made = []
        for i, line in enumerate(self.backward):
            ways = [line.code, *line.also]
            code = wrong if i == wrong_at else ways[0] if written is None else ways[written.integers(len(ways))]
            made.append(f"d_{line.name} = {code}")
        return made

    def _run(self, source: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        scope: dict[str, Any] = {"np": np, "__name__": "learner", **(values or {})}
        with np.errstate(all="ignore"):
            exec(compile(source, "<learner>", "exec"), scope)  # the text was written above
        return scope


def squish(rng: np.random.Generator, z: str, a: str) -> tuple[str, Line]:
    """``a = squish(z)`` and the line for ∂C/∂z."""
    value, slope, otherwise, mistakes = SQUISH[str(rng.choice(list(SQUISH)))]
    written, also = slope.format(z=z, a=a), otherwise.format(z=z, a=a)
    line = Line(z, f"d_{a} * ({written})", [f"d_{a} * ({also})", f"({written}) * d_{a}"])
    line.wrong = [(name, f"d_{a} * ({text.format(z=z, a=a)})") for name, text in mistakes.items()]
    line.wrong += [
        ("missing-factor", f"d_{a} * 1"),
        ("factor-twice", f"d_{a} * ({written}) ** 2"),
        ("function-for-slope", f"d_{a} * {a}"),
        ("incoming-forgotten", f"1 * ({written})"),
        ("sign", f"-d_{a} * ({written})"),
    ]
    return f"{a} = {value.format(z=z)}", line


def slope_of_cost(rng: np.random.Generator, a: str, n: int | None) -> tuple[str, Line]:
    """A cost of ``a`` and ``y``, of one number or of n rows, and the line for ∂C/∂a."""
    rows = f" / {n}" if n else ""
    half = bool(rng.integers(2))
    total = f"({a} - y) ** 2" if n is None else f"np.sum(({a} - y) ** 2, axis=1)"
    forward = f"C = {'0.5 * ' if half else ''}{total if n is None else f'np.mean({total})'}"
    line = Line(a, f"({a} - y){rows}" if half else f"2 * ({a} - y){rows}", [f"-(y - {a}){rows} * {1 if half else 2}"])
    line.wrong = [("sign", f"-({line.code})")]
    line.wrong += [("doubled-2", f"2 * ({a} - y){rows}")] if half else [("missing-2", f"({a} - y){rows}")]
    if n:
        line.wrong += [("missing-1/n", f"({line.code}) * {n}"), ("doubled-1/n", f"({line.code}) / {n}")]
    return forward, line


def chain(rng: np.random.Generator) -> Task:
    """One neuron per layer."""
    layers = int(rng.integers(2, 5))
    arguments: dict[str, Any] = {"a0": rng.normal()}
    forward, backward = [], []
    for l in range(1, layers + 1):
        w, b, z, a, below = f"w{l}", f"b{l}", f"z{l}", f"a{l}", f"a{l - 1}"
        arguments |= {w: rng.normal() * 1.5, b: rng.normal()}
        squished, line = squish(rng, z, a)
        forward += [f"{z} = {w} * {below} + {b}", squished]
        by_w = Line(w, f"d_{z} * {below}", [f"{below} * d_{z}"])
        by_w.wrong = [
            ("missing-factor", f"d_{z} * 1"),
            ("wrong-value", f"d_{z} * {w}"),
            ("incoming-forgotten", f"{below} * 1"),
            ("sign", f"-d_{z} * {below}"),
        ]
        by_b = Line(b, f"d_{z} * 1", [], [("extra-factor", f"d_{z} * {below}"), ("sign", f"-d_{z}")])
        by_a = Line(below, f"d_{z} * {w}", [f"{w} * d_{z}"])
        by_a.wrong = [
            ("missing-factor", f"d_{z} * 1"),
            ("wrong-value", f"d_{z} * {below}"),
            ("incoming-forgotten", f"{w} * 1"),
        ]
        if l > 1:
            by_w.wrong.append(("pre-activation", f"d_{z} * z{l - 1}"))
        backward = [line, by_b, by_w, by_a, *backward]
    arguments["y"] = rng.normal()
    cost, line = slope_of_cost(rng, f"a{layers}", None)
    return Task("chain", arguments, [*forward, cost], [line, *backward])


def dense(rng: np.random.Generator) -> Task:
    """A fully connected network on a batch; layers of the same width now and then, so that shapes give nothing away."""
    layers, n = int(rng.integers(1, 4)), int(rng.integers(3, 9))
    widths = (
        [int(rng.integers(1, 5)) for _ in range(layers + 1)]
        if rng.integers(2)
        else [int(rng.integers(2, 5))] * (layers + 1)
    )
    arguments: dict[str, Any] = {"a0": rng.normal(size=(n, widths[0]))}
    forward, backward = [], []
    for l in range(1, layers + 1):
        W, b, z, a, below = f"W{l}", f"b{l}", f"z{l}", f"a{l}", f"a{l - 1}"
        above, under = widths[l], widths[l - 1]
        arguments |= {W: rng.normal(size=(above, under)), b: rng.normal(size=above)}
        squished, line = squish(rng, z, a)
        forward += [f"{z} = {below} @ {W}.T + {b}", squished]
        by_b = Line(b, f"d_{z}.sum(axis=0)", [f"np.ones({n}, d_{z}.dtype) @ d_{z}"])
        by_b.wrong = [
            ("mean-for-sum", f"d_{z}.mean(axis=0)"),
            ("broadcast-not-undone", f"d_{z}"),
            ("missing-sum", f"d_{z}[0]"),
        ]
        by_W = Line(W, f"d_{z}.T @ {below}", [f"np.einsum('nj,nk->jk', d_{z}, {below})", f"({below}.T @ d_{z}).T"])
        by_W.wrong = [
            ("transposed" if above == under else "shape-transposed", f"{below}.T @ d_{z}"),
            ("mean-for-sum", f"d_{z}.T @ {below} / {n}"),
            ("broadcast-not-undone", f"np.einsum('nj,nk->njk', d_{z}, {below})"),
            ("missing-sum", f"np.outer(d_{z}[0], {below}[0])"),
            ("incoming-forgotten", f"np.ones_like(d_{z}).T @ {below}"),
        ]
        if l > 1:
            by_W.wrong.append(("pre-activation", f"d_{z}.T @ z{l - 1}"))
        if under == above:
            by_W.wrong.append(("wrong-layer", f"d_{z}.T @ {a}"))
        by_a = Line(below, f"d_{z} @ {W}", [f"({W}.T @ d_{z}.T).T"])
        by_a.wrong = [("sign", f"-d_{z} @ {W}")]
        by_a.wrong += [("missing-sum", f"d_{z}[:, [0]] @ {W}[[0]]")] if above > 1 else []
        by_a.wrong += (
            [("factor-transposed", f"d_{z} @ {W}.T"), ("missing-factor", f"d_{z} * 1")] if above == under > 1 else []
        )
        backward = [line, by_b, by_W, by_a, *backward]
    arguments["y"] = rng.normal(size=(n, widths[-1]))
    cost, line = slope_of_cost(rng, f"a{layers}", n)
    return Task("dense network", arguments, [*forward, cost], [line, *backward])


def branch(rng: np.random.Generator) -> Task:
    """A value that is used in two or three places."""
    size = () if rng.integers(2) else (int(rng.integers(2, 6)),)
    three = bool(rng.integers(2))
    first, by_z = squish(rng, "z", "h")
    forward = ["z = w * x", first, "u = np.sin(h)", "v = c * h", "s = u * v" + (" + h" if three else "")]
    total = "s - y" if size == () else "np.sum((s - y) ** 2)"
    forward += [f"C = ({total}) ** 2" if size == () else f"C = {total}"]
    paths = ["d_u * np.cos(h)", "d_v * c"] + (["d_s * 1"] if three else [])
    by_h = Line("h", " + ".join(paths), [" + ".join(reversed(paths))])
    by_h.wrong = [("one-path", path) for path in paths]
    by_h.wrong += [("path-sign", by_h.code.replace("+ d_v", "- d_v"))]
    by_h.wrong += (
        [("missing-path", f"{paths[0]} + {paths[2]}"), ("missing-path", f"{paths[1]} + {paths[2]}")] if three else []
    )
    cost = Line("s", "2 * (s - y)", [], [("missing-2", "(s - y) * 1"), ("sign", "-2 * (s - y)")])
    by_u = Line(
        "u",
        "d_s * v",
        ["v * d_s"],
        [("missing-factor", "d_s * 1"), ("wrong-value", "d_s * u"), ("incoming-forgotten", "v * 1")],
    )
    by_v = Line("v", "d_s * u", ["u * d_s"], [("missing-factor", "d_s * 1"), ("wrong-value", "d_s * v")])
    by_c = Line(
        "c",
        "d_v * h",
        ["h * d_v"],
        [("missing-factor", "d_v * 1"), ("wrong-value", "d_v * c"), ("pre-activation", "d_v * z")],
    )
    by_w = Line("w", "d_z * x", ["x * d_z"], [("missing-factor", "d_z * 1"), ("wrong-value", "d_z * w")])
    arguments = {name: rng.normal(size=size)[()] for name in ("w", "x", "c", "y")}
    return Task("value used again", arguments, forward, [cost, by_u, by_v, by_c, by_h, by_z, by_w])


def recurrent(rng: np.random.Generator) -> Task:
    """One neuron through three points in time: its weights are used three times, and their gradients add up."""
    arguments: dict[str, Any] = {"w": rng.normal(), "u": rng.normal(), "h0": rng.normal()}
    arguments |= {f"x{t}": rng.normal() for t in (1, 2, 3)} | {"y": rng.normal()}
    forward, backward = [], []
    for t in (1, 2, 3):
        squished, line = squish(rng, f"z{t}", f"h{t}")
        forward += [f"z{t} = w * h{t - 1} + u * x{t}", squished]
        by_h = Line(f"h{t - 1}", f"d_z{t} * w", [f"w * d_z{t}"])
        by_h.wrong = [("missing-factor", f"d_z{t} * 1"), ("wrong-value", f"d_z{t} * h{t - 1}")]
        backward = [line, by_h, *backward]
    for weight, inputs in (("u", ("x1", "x2", "x3")), ("w", ("h0", "h1", "h2"))):
        paths = [f"d_z{t} * {inputs[t - 1]}" for t in (3, 2, 1)]
        line = Line(weight, " + ".join(paths), [" + ".join(reversed(paths))])
        line.wrong = [("one-path", path) for path in paths[:2]] + [("overwritten", paths[2])]
        line.wrong += [("missing-path", f"{paths[0]} + {paths[1]}"), ("missing-path", f"{paths[1]} + {paths[2]}")]
        backward.append(line)
    cost, line = slope_of_cost(rng, "h3", None)
    return Task("recurrent", arguments, [*forward, cost], [line, *backward])


def matrix(rng: np.random.Generator) -> Task:
    """A product of matrices under a cubic or quartic cost, with weight decay: W is used twice."""
    rows, inner, columns, power = (int(rng.integers(low, high)) for low, high in ((2, 5), (2, 5), (2, 5), (3, 5)))
    columns = inner if rng.integers(2) else columns
    arguments = {
        "A": rng.normal(size=(rows, inner)),
        "W": rng.normal(size=(inner, columns)),
        "Y": rng.normal(size=(rows, columns)),
    }
    forward = ["P = A @ W", "e = P - Y", f"C = np.sum(e ** {power}) + 0.05 * np.sum(W ** 2)"]
    by_e = Line("e", f"{power} * e ** {power - 1}", [f"e ** {power - 1} * {power}"])
    by_e.wrong = [("power-rule", f"e ** {power - 1}"), ("sign", f"-{power} * e ** {power - 1}")]
    by_P = Line("P", "d_e * 1", [], [("sign", "-d_e")])
    by_W = Line("W", "A.T @ d_P + 0.1 * W", ["0.1 * W + A.T @ d_P"])
    by_W.wrong = [("one-path", "A.T @ d_P"), ("one-path", "0.1 * W"), ("path-sign", "A.T @ d_P - 0.1 * W")]
    by_A = Line("A", "d_P @ W.T", ["np.einsum('ij,kj->ik', d_P, W)"], [("sign", "-d_P @ W.T")])
    by_A.wrong += (
        [("factor-transposed", "d_P @ W")]
        if inner == columns
        else [("shape-transposed", "(d_P @ W.T).T")]
        if rows != inner
        else []
    )
    return Task("matrices", arguments, forward, [by_e, by_P, by_W, by_A])


KINDS = (chain, dense, branch, recurrent, matrix)


def task(seed: int, number: int) -> tuple[Task, np.random.Generator]:
    """Program number ``number``; it depends on the seed and its number alone."""
    rng = np.random.default_rng([seed, number])
    return KINDS[number % len(KINDS)](rng), rng
