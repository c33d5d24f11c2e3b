"""Random programs, differentiated in every way there is: reverse, forward, by measurement, by PyTorch and by JAX.

    python -m scripts.check_programs --count 10000 --seed 0

Half of the programs draw on the whole table of rules, each used as at one of its own test points; the other half on
operations that the peers share. Inputs are broadcast, empty, 0-d, reversed in memory, float32 or float64. A program
depends on the seed and on its number alone; a failure is cut down to its first failing steps and printed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optree
from scripts.shared_operations import SHARED, Torch

import whygrad as wg
from whygrad.backward import newest_first
from whygrad.derivatives.check import verdict
from whygrad.derivatives.measure import Measured, slope
from whygrad.graph.node import Node, Trace
from whygrad.rules.define import At, Derived, Rule
from whygrad.rules.table import DERIVED, RULES

SHAPES = ((), (1,), (3,), (2, 3), (3, 2), (2, 1), (1, 3), (2, 2, 3), (3, 3), (0,), (0, 3), (2, 0))
LARGEST = 30.0  # values beyond are not kept: they would measure rounding, not rules
TABLE: list[tuple[Rule | Derived, At]] = [
    (row, place) for row in [*RULES.values(), *DERIVED.values()] for place in row.tested_at]


@dataclass(frozen=True)
class Step:
    """One line of a program: ``function(np, *values)`` of earlier values; ``np`` is NumPy, jax.numpy or ``Torch``."""

    name: str
    function: Callable[..., Any]
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """Input arrays, steps, and for each last value the weights that make it part of the cost."""

    inputs: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]
    weights: dict[int, np.ndarray]
    shared: bool  # every step is one that the peers know
    dtype: str

    def cost(self, xp: Any, *xs: Any) -> Any:
        """The program's one result, computed with ``xp``: NumPy, jax.numpy or ``Torch``."""
        values = list(xs)
        for step in self.steps:
            values.append(step.function(xp, *(values[i] for i in step.inputs)))
        total = 0.0
        for i, w in self.weights.items():
            w = w.astype(self.dtype) if xp is np else xp.asarray(w)
            total = total + xp.sum(w * values[i])
        return total

    def __str__(self) -> str:
        lines = [f"v{i} = {x.dtype} input of shape {x.shape}, strides {x.strides}" for i, x in enumerate(self.inputs)]
        for i, step in enumerate(self.steps, len(self.inputs)):
            lines.append(f"v{i} = {step.name}({', '.join(f'v{k}' for k in step.inputs)})")
        return "\n".join([*lines, "cost = " + " + ".join(f"sum(w * v{i})" for i in self.weights)])


# ── making programs ──────────────────────────────────────────────────────────────────────────────────────────────────


def random_program(rng: np.random.Generator, length: int, shared: bool, dtype: str = "float64") -> Program:
    """Steps are tried on plain NumPy as they are drawn, and kept if the result is finite and of a moderate size."""
    inputs = tuple(_input(rng, dtype) for _ in range(rng.integers(1, 4)))
    values, steps = list(inputs), []
    for _ in range(20 * length):
        if len(steps) == length:
            break
        step = _shared_step(rng, values) if shared else _table_step(rng, values)
        out = None if step is None else _tried(step, values)
        if step is not None and out is not None:
            steps.append(step)
            values.append(out)
    return _finished(rng, inputs, tuple(steps), values, shared, dtype)


def _finished(rng: np.random.Generator, inputs: tuple[np.ndarray, ...], steps: tuple[Step, ...], values: list[Any],
              shared: bool, dtype: str) -> Program:
    used = {i for step in steps for i in step.inputs}
    last = [i for i in range(len(values)) if i not in used]
    return Program(inputs, steps, {i: rng.uniform(0.5, 1.5, np.shape(values[i])) for i in last}, shared, dtype)


def _input(rng: np.random.Generator, dtype: str) -> np.ndarray:
    x = np.asarray(rng.uniform(-2, 2, SHAPES[rng.integers(len(SHAPES))])).astype(dtype)
    way = rng.integers(4)
    if way == 0 and x.ndim:
        return x[::-1]
    if way == 1 and x.ndim:
        return x[..., ::-1].T
    return x


def _tried(step: Step, values: list[Any]) -> Any:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            out = step.function(np, *(values[i] for i in step.inputs))
    except (ValueError, IndexError, TypeError):  # these shapes do not fit this operation
        return None
    out = np.asarray(out)
    fine = out.dtype.kind == "f" and out.size <= 200 and bool(np.all(np.abs(out) < LARGEST))
    return out[()] if fine else None


def _shared_step(rng: np.random.Generator, values: list[Any]) -> Step | None:
    operation = SHARED[rng.integers(len(SHARED))]
    chosen = _chosen(rng, values, operation.arity)
    function = operation.make(rng, *(np.shape(values[i]) for i in chosen))
    return None if function is None else Step(operation.name, function, chosen)


def _chosen(rng: np.random.Generator, values: list[Any], count: int) -> tuple[int, ...]:
    """Values to work on, newer ones more often, so that programs grow deep."""
    recent = np.arange(1, len(values) + 1, dtype=float) ** 2
    return tuple(int(i) for i in rng.choice(len(values), count, p=recent / recent.sum()))


def _table_step(rng: np.random.Generator, values: list[Any]) -> Step | None:
    """A rule as at one of its test points, with values of the program, brought into its shapes and its domain."""
    row, place = TABLE[rng.integers(len(TABLE))]
    drawn, structure = optree.tree_flatten(place.draw(rng))
    moving = [k for k, x in enumerate(drawn) if getattr(x, "dtype", np.dtype(int)).kind == "f" or isinstance(x, float)]
    chosen = _chosen(rng, values, len(moving))
    function = _called(row)
    if any(np.size(values[i]) == 0 < np.size(drawn[k]) for i, k in zip(chosen, moving, strict=True)):
        return None

    def run(xp: Any, *xs: Any) -> Any:
        args = list(drawn)
        for k, x in zip(moving, xs, strict=True):
            args[k] = _fitted(x, np.asarray(drawn[k]), place)
        return function(*structure.unflatten(args), **place.params)

    return Step(row.name, run, chosen)


def _called(row: Rule | Derived) -> Callable[..., Any]:
    if isinstance(row, Rule) or row.numpy is None:
        return row if isinstance(row, Rule) else row.function
    return getattr(*row.numpy) if isinstance(row.numpy, tuple) else row.numpy


def _fitted(x: Any, drawn: np.ndarray, place: At) -> Any:
    """The numbers of ``x`` in the shape of a rule's test input, and within the interval it is tested in."""
    if x.shape != drawn.shape:
        x = np.reshape(x, (-1,))[np.arange(drawn.size).reshape(drawn.shape) % max(math.prod(x.shape), 1)]
    if place.given is not None:  # e.g. a positive definite matrix: keep it close to what was drawn
        return drawn.astype(x.dtype) + np.tanh(x) * 0.01
    low, high = place.between
    return np.tanh(x) * ((high - low) / 2) + (high + low) / 2


# ── checking programs ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Tally:
    """What was compared, and what failed."""

    programs: int = 0
    steps: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def disagreements(program: Program, tally: Tally, peers: tuple[str, ...] = ()) -> list[str]:
    """Every way in which the derivatives of one program differ from each other."""
    f = lambda *xs: program.cost(np, *xs)
    rng = np.random.default_rng(0)
    directions = [np.asarray(rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1, 1], x.shape), x.dtype)
                  for x in program.inputs]
    flows = wg.grad(f, tuple(range(len(program.inputs))))(*program.inputs)
    terms = np.concatenate([np.ravel(g * v) for g, v in zip(flows, directions, strict=True)] + [np.zeros(1)])
    along, scale = float(terms.sum(dtype=float)), float(np.abs(terms).sum(dtype=float))
    wrong = [f"gradient of input {i} has shape {g.shape} and dtype {g.dtype}"
             for i, (g, x) in enumerate(zip(flows, program.inputs, strict=True))
             if g.shape != x.shape or g.dtype != x.dtype]
    _, pushed = wg.jvp(f, program.inputs, directions)
    tally.compared["forward mode"] += 1
    tolerance = 1e-8 if program.dtype == "float64" else 1e-3
    if not abs(float(pushed) - along) <= tolerance * (1 + scale):
        wrong.append(f"reverse mode {along!r}, forward mode {float(pushed)!r}")

    def moved(t: float) -> float:
        return float(f(*(x.astype(float) + t * v for x, v in zip(program.inputs, directions, strict=True))))

    measured = slope(moved)
    wrong += _against_measurement(program, along, scale, measured, tally)
    if program.shared and not measured.kink and program.dtype == "float64":
        for peer in peers:
            wrong += _against_peer(peer, program, flows, 1 + scale, tally)
    return wrong


def _against_measurement(program: Program, along: float, scale: float, measured: Measured, tally: Tally) -> list[str]:
    said = verdict(along, measured, rtol=1e-5 if program.dtype == "float64" else 1e-2)
    if said in ("kink", "rounding"):
        tally.compared[f"not measurable ({said})"] += 1
        return []
    tally.compared["measurement"] += 1
    close = abs(along - measured.value) <= (1e-6 if program.dtype == "float64" else 1e-3) * (1 + scale)
    return [] if said == "agrees" or close else [f"reverse mode {along!r}, measured {measured}"]


def _against_peer(peer: str, program: Program, flows: tuple[Any, ...], scale: float, tally: Tally) -> list[str]:
    try:
        theirs = PEERS[peer](program)
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        tally.compared[f"{peer} can not ({type(error).__name__})"] += 1
        return []
    tally.compared[peer] += 1
    return [f"input {i}: whygrad {g!r}, {peer} {h!r}" for i, (g, h) in enumerate(zip(flows, theirs, strict=True))
            if not np.allclose(g, h, rtol=1e-7, atol=1e-9 * scale)]


def _torch_gradients(program: Program) -> list[np.ndarray]:
    torch = importlib.import_module("torch")
    xs = [torch.tensor(x.copy(), requires_grad=True) for x in program.inputs]
    cost = program.cost(Torch(torch), *xs)
    gs = torch.autograd.grad(cost, xs, allow_unused=True)
    return [np.zeros(x.shape) if g is None else g.numpy() for g, x in zip(gs, program.inputs, strict=True)]


def _jax_gradients(program: Program) -> list[np.ndarray]:
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = importlib.import_module("jax.numpy")
    gradient = jax.grad(lambda *xs: program.cost(jnp, *xs), tuple(range(len(program.inputs))))
    gs = gradient(*map(jnp.asarray, program.inputs))
    return [np.asarray(g) for g in gs]


PEERS: dict[str, Callable[[Program], list[np.ndarray]]] = {"torch": _torch_gradients, "jax": _jax_gradients}


def traced(program: Program) -> list[Node]:
    """The graph of the program's cost."""
    with Trace() as trace:
        cost = program.cost(np, *(trace.leaf(x) for x in program.inputs))
    return newest_first({cost: None}) if isinstance(cost, Node) else []


def numbered(seed: int, i: int) -> Program:
    """Program number i of a seed."""
    rng = np.random.default_rng([seed, i])
    dtype = "float32" if i % 5 == 4 else "float64"
    return random_program(rng, int(rng.integers(3, 31)), shared=i % 2 == 0, dtype=dtype)


def shortest_failure(program: Program, peers: tuple[str, ...]) -> Program:
    """The first steps of a program that fail on their own."""
    rng = np.random.default_rng(0)
    for count in range(1, len(program.steps)):
        values = list(program.inputs)
        for step in program.steps[:count]:
            values.append(step.function(np, *(values[i] for i in step.inputs)))
        short = _finished(rng, program.inputs, program.steps[:count], values, program.shared, program.dtype)
        if disagreements(short, Tally(), peers):
            return short
    return program


def check(seed: int, numbers: Iterator[int] | range, peers: tuple[str, ...]) -> Tally:
    """Check many programs."""
    tally = Tally()
    for i in numbers:
        program = numbered(seed, i)
        tally.programs += 1
        tally.steps += len(program.steps)
        tally.rules.update({node.rule.name for node in traced(program) if node.rule})
        # JAX takes about a second for a program it has not seen: one in forty is enough
        asked = tuple(peer for peer in peers if peer != "jax" or i % 40 == 0)
        if disagreements(program, tally, asked):
            short = shortest_failure(program, asked)
            what = "\n  ".join(disagreements(short, Tally(), asked))
            tally.failures.append(f"program {i} (--seed {seed} --only {i}):\n{short}\n  {what}")
    return tally


def report(tally: Tally) -> str:
    """The summary that is printed."""
    differentiable = {rule.name for rule in RULES.values() if rule.differentiable}
    used = len(differentiable & tally.rules.keys())
    lines = [f"{tally.programs} programs, {tally.steps} steps, {used} of {len(differentiable)} differentiable rules"]
    if missing := sorted(differentiable - tally.rules.keys()):
        lines.append("not used: " + ", ".join(missing))
    lines += [f"{count:7d} x {what}" for what, count in sorted(tally.compared.items())]
    return "\n".join([*lines, *tally.failures, f"{len(tally.failures)} failures"])


def available(names: tuple[str, ...]) -> tuple[str, ...]:
    """The peers that are installed."""
    return tuple(name for name in names if importlib.util.find_spec(name))


def main() -> int:
    """Parse the command line, check, print; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of a single program")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    numbers = range(options.count) if options.only is None else range(options.only, options.only + 1)
    for harmless in ("Mean of empty slice", ".*[Dd]egrees of freedom"):  # of empty arrays, in NumPy and PyTorch
        warnings.filterwarnings("ignore", harmless)
    tally = check(options.seed, numbers, () if options.no_peers else available(("torch", "jax")))
    print(report(tally))
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
