"""What a network makes of a data set, evaluated in chunks of rows: the mean cost, and the accuracy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from whygrad.nn.layers import Architecture, Parameters
from whygrad.nn.step import turned
from whygrad.nn.validation import Examples, classes_of_outputs
from whygrad.rules.define import Value

CHUNK = 5000  # rows evaluated at once: keeps a layer's activations of 60,000 examples out of memory
COMPILED_ROWS = 2000  # at most, rows of one call of the compiled evaluation: a program is made for one number of rows
FEW_ROWS = 256  # fewer are evaluated by NumPy, in a millisecond; a program of their own takes a tenth of a second

Looked = tuple[NDArray[Any], NDArray[Any]]
Look = Callable[[Parameters, NDArray[Any], NDArray[Any]], Looked]  # (parameters, x, y) -> (C_x of each row, outputs)


class Measured(NamedTuple):
    """A data set seen through a network. ``accuracy`` is None where targets are not classes."""

    cost: float
    accuracy: float | None


class Measuring:
    """Measures data sets with NumPy."""

    def __init__(self, model: Architecture) -> None:
        self._look = look(model)

    def of(self, parameters: Parameters, examples: Examples) -> Measured:
        """Cost and accuracy over the examples."""
        total, right = 0.0, 0
        for costs, outputs, part in self._parts(parameters, examples):
            total += float(np.sum(costs, dtype=float))
            if examples.labels is not None:
                right += int(np.sum(classes_of_outputs(outputs) == examples.labels[part]))
        return Measured(total / len(examples), None if examples.labels is None else right / len(examples))

    def _parts(self, parameters: Parameters, examples: Examples) -> Any:
        """(costs, outputs, the rows they belong to), until every row has been seen once."""
        for start in range(0, len(examples), CHUNK):
            part = slice(start, start + CHUNK)
            yield *self._look(parameters, examples.inputs[part], examples.targets[part]), part


class CompiledMeasuring(Measuring):
    """Measures with one compiled program, made for the number of rows that serves all of these data sets."""

    def __init__(self, model: Architecture, sets: Sequence[Examples], backend: str) -> None:
        from whygrad.jit import jit

        super().__init__(model)
        self._rows = min((len(s) for s in sets if len(s) >= FEW_ROWS), default=0)
        self._rows = min(self._rows, COMPILED_ROWS)
        plain = look(model)
        self._compiled: Look = jit(lambda transposed, x, y: plain(turned(transposed), x, y), backend=backend)

    def _parts(self, parameters: Parameters, examples: Examples) -> Any:
        """The last call looks at full ``rows`` too, and leaves out those that the call before has seen."""
        n, rows = len(examples), self._rows
        if not rows or n < rows:
            yield from super()._parts(parameters, examples)
            return
        transposed = turned(parameters)
        for start in range(0, n, rows):
            first = min(start, n - rows)
            part, seen = slice(first, first + rows), start - first
            costs, outputs = self._compiled(transposed, examples.inputs[part], examples.targets[part])
            yield costs[seen:], outputs[seen:], slice(start, first + rows)


def look(model: Architecture) -> Callable[[Parameters, Value, Value], tuple[Value, Value]]:
    """The function (parameters, x, y) -> (the cost of each row, the output of each row), which can be compiled."""

    def costs_and_outputs(parameters: Parameters, x: Value, y: Value) -> tuple[Value, Value]:
        values = model.layer_values(parameters, x)
        return model.costs(values, y), values.activations[-1]

    return costs_and_outputs


def measure(model: Architecture, parameters: Parameters, examples: Examples) -> Measured:
    """The mean cost and the accuracy over a data set, by NumPy."""
    return Measuring(model).of(parameters, examples)
