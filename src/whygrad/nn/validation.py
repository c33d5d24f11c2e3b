"""What a network may be given: each mistake has its one error, raised before anything is computed or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, DataError, DtypeError, ShapeError
from whygrad.nn.data import one_hot
from whygrad.nn.layers import Architecture, Parameters

Floats = NDArray[np.floating[Any]]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Examples:
    """Checked data: inputs ``(n, n_0)``, targets ``(n, n_L)``, and the class of each row where targets are classes."""

    inputs: Floats
    targets: Floats
    labels: Int64 | None

    def __len__(self) -> int:
        return len(self.inputs)


def examples(architecture: Architecture, X: Any, Y: Any, names: tuple[str, str] = ("X", "Y")) -> Examples:
    """Inputs and targets that fit the network and each other; labels become one-hot targets."""
    inputs = rows(architecture, X, names[0])
    targets = np.atleast_1d(_array(Y, names[1]))
    if np.ndim(X) == 1 and (np.ndim(Y) == 0 or targets.shape == (architecture.sizes[-1],)):
        targets = targets[None] if np.ndim(Y) else targets  # one example was given
    if len(targets) != len(inputs):
        raise ShapeError(f"{names[0]} has {len(inputs)} rows and {names[1]} has {len(targets)}",
                         why="row i of one belongs to row i of the other")
    targets = _one_hot_or_real(targets, architecture.sizes[-1], names[1])
    targets = _finite(targets, architecture.dtype, names[1])
    _in_range(targets, architecture.cost.name if not architecture.cost.own else "", names[1])
    return Examples(inputs, targets, classes_of_targets(targets))


def rows(architecture: Architecture, X: Any, name: str = "X") -> Floats:
    """``X`` as ``(n, n_0)`` in the network's precision; one example of n_0 numbers becomes one row."""
    array = _array(X, name)
    n_0 = architecture.sizes[0]
    array = array[None] if array.shape == (n_0,) else array
    if array.ndim == 2 and not len(array):
        raise DataError(f"{name} is empty: its shape is {array.shape}", try_=f"at least one row of {n_0} numbers")
    if array.ndim != 2 or array.shape[1] != n_0:
        raise ShapeError(
            f"{name} has shape {array.shape}; layer 0 needs (examples, {n_0}), because W^1 has shape "
            f"{architecture.sizes[1::-1]}",
            why="rows are examples, and each row has one number per input neuron",
            try_=f"{name}[:, None] makes a column of it" if array.ndim == n_0 == 1 else
                 f"{name}.reshape(len({name}), {n_0})" if array.ndim > 2 and array[:1].size == n_0 else
                 f"{name}.T" if array.ndim == 2 and array.shape[0] == n_0 else
                 f"Network([{(array.shape or (1,))[-1]}, ...])",
        )
    return _finite(array, architecture.dtype, name)


def labels_of(Y: Any, n: int, classes: int, name: str = "labels") -> Int64:
    """Class numbers ``(n,)``, given as such or one-hot; for one output neuron the classes are 0 and 1."""
    array = _array(Y, name)
    if array.ndim == 0:
        array = array[None]
    if array.ndim == 2 and array.shape[1] == classes:
        found = classes_of_targets(_finite(array, np.dtype(float), name))
        if found is None:
            raise DataError(f"{name} of shape {array.shape} are not one-hot", try_="one class number per example")
    else:
        found = _class_numbers(array, max(classes, 2), name)
    if len(found) != n:
        raise ShapeError(f"{n} example(s), and {name} has {len(found)}", why="each example has one label")
    return found


def classes_of_targets(targets: Floats) -> Int64 | None:
    """The class of each row, where every row is one-hot (or a single 0 or 1); None for other targets."""
    if not ((targets == 0) | (targets == 1)).all():
        return None
    if targets.shape[1] == 1:
        return targets[:, 0].astype(np.int64)
    return np.argmax(targets, axis=1) if (targets.sum(axis=1) == 1).all() else None


def classes_of_outputs(outputs: Floats) -> Int64:
    """The class each row says: its largest output; for a single output, whether it is at least one half."""
    return (outputs[:, 0] >= 0.5).astype(np.int64) if outputs.shape[1] == 1 else np.argmax(outputs, axis=1)


def _one_hot_or_real(Y: NDArray[Any], neurons: int, name: str) -> NDArray[Any]:
    if Y.ndim == 1 and neurons == 1:
        return Y[:, None]
    if Y.ndim == 1 and Y.dtype.kind in "iub":
        return one_hot(_class_numbers(Y, neurons, name), neurons)
    if Y.ndim == 2 and Y.shape[1] == neurons:
        return Y
    raise ShapeError(
        f"{name} has shape {Y.shape} and dtype {Y.dtype}; the output layer has {neurons} neuron(s)",
        why=f"targets are (examples, {neurons}), or one whole-number label per example",
        try_=f"{name}.astype(int)" if Y.ndim == 1 else f"{name}.ravel()" if Y.shape[1:] == (1,) else
             f"Network([..., {Y.shape[-1]}])",
    )


def _class_numbers(labels: NDArray[Any], classes: int, name: str) -> Int64:
    if labels.ndim != 1 or labels.dtype.kind not in "iub":
        raise DataError(f"{name} of shape {labels.shape} and dtype {labels.dtype} are not labels",
                        why="a label is the whole number of its class, one per example",
                        try_=f"{name}.astype(int).ravel(), if they are whole numbers")
    found: Int64 = labels.astype(np.int64)
    outside = np.flatnonzero((found < 0) | (found >= classes))
    if outside.size:
        raise DataError(f"{name}: label {found[outside[0]]} in row {outside[0]} is outside 0 to {classes - 1}",
                        why=f"the {classes} classes of the output layer are numbered from 0",
                        try_=f"{name} - {name}.min(), if they start at 1; or an output layer of "
                             f"{max(int(found.max()) + 1, 2)} neurons")
    return found


def _array(given: Any, name: str) -> NDArray[Any]:
    """Real numbers, as they are."""
    refuse_masked(given, name)
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ShapeError(f"{name} is not an array: its rows differ in length", why=str(error)) from error
    if array.dtype.kind not in "fiub":
        kind = "complex" if array.dtype.kind == "c" else str(array.dtype)
        number_them = f"np.unique({name}, return_inverse=True)[1], which numbers the classes from 0"
        raise DtypeError(f"{name} holds {kind} values, not real numbers",
                         try_=number_them if array.dtype.kind in "US" and name[:1] in "Yl"  # targets or labels
                         else f"np.asarray({name}, dtype=float)")
    return array


def refuse_masked(given: Any, name: str) -> None:
    """Refuse an array some of whose numbers are masked: NumPy's functions would forget the mask."""
    if isinstance(given, np.ma.MaskedArray) and np.any(given.mask):
        raise DataError(f"{name} is a masked array, with {int(np.sum(given.mask))} number(s) masked",
                        why="the masked numbers would be used like any others",
                        try_=f"{name}.filled(0.0), or leave those rows out")


def _finite(array: NDArray[Any], dtype: np.dtype[Any], name: str) -> Floats:
    """The array in the network's precision, refused where a number is NaN or inf there."""
    with np.errstate(over="ignore"):
        result: Floats = np.ascontiguousarray(array, dtype)
    fine = np.isfinite(result)
    if not fine.all():
        row, column = np.argwhere(~fine)[0]
        value = array[row, column]
        why = f"it is too large for {dtype}" if np.isfinite(value) else "one such number spoils all weights at once"
        raise DataError(f"{name} holds {value} in row {row}, column {column}", why=why,
                        try_=f"{name}[np.isfinite({name}).all(axis=1)] leaves such rows out")
    return result


def _in_range(targets: Floats, cost: str, name: str) -> None:
    """Targets that the cost's formula has no meaning for are refused."""
    if cost not in ("cross_entropy", "softmax_cross_entropy"):
        return
    outside = np.argwhere((targets < 0) | (targets > 1))
    if len(outside):
        row, column = outside[0]
        raise DataError(f"{name} holds {targets[row, column]} in row {row}, column {column}",
                        why=f"{cost} compares probabilities: its targets lie between 0 and 1",
                        try_="labels, one-hot rows, or cost='half_squared_error'")
    totals = targets.sum(axis=1)
    uneven = np.flatnonzero(np.abs(totals - 1.0) > 1e-3)
    if cost == "softmax_cross_entropy" and uneven.size:
        raise DataError(f"row {uneven[0]} of {name} adds up to {totals[uneven[0]]}, not to 1",
                        why="softmax's outputs add up to 1, and are compared with shares that do too",
                        try_="cost='cross_entropy' with sigmoid outputs, where each output is its own yes or no")


def pair(validation: Any) -> tuple[Any, Any]:
    """The two parts of ``validation=(Xv, Yv)``."""
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise ArgumentError(f"validation is a {type(validation).__name__}, not a pair", try_="validation=(Xv, Yv)")
    return validation[0], validation[1]


def finite_parameters(parameters: Parameters) -> None:
    """Weights and biases that can be trained: no NaN, no inf."""
    for name, arrays in zip("Wb", parameters, strict=True):
        for l, array in enumerate(arrays, start=1):
            if not np.isfinite(array).all():
                index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
                raise DataError(f"{name}^{l} holds {array[index]} at {index}", why="no step can repair it",
                                try_="a finite number there, or a new Network")


def writable(arrays: Sequence[Any]) -> None:
    """Arrays that training can write what it learned into, without rounding it away."""
    for array in arrays:
        fit = isinstance(array, np.ndarray) and array.flags.writeable and array.dtype.kind == "f"
        if not fit:
            kind = f"array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            read_only = isinstance(array, np.ndarray) and not array.flags.writeable
            raise ArgumentError(f"a weight or bias array is a {'read-only ' if read_only else ''}{kind}",
                                why="fit writes what was learned into these arrays",
                                try_="net.weights[0][...] = values, which keeps the network's own array")


def function(name: str, given: Any) -> None:
    """A function, or nothing."""
    if given is not None and not callable(given):
        raise ArgumentError(f"{name}={given!r} is not a function")


# ── plain arguments ──────────────────────────────────────────────────────────────────────────────────────────────────


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ArgumentError(f"{name}={value!r} is neither True nor False")
    return bool(value)


def whole(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"{name}={value!r} is not a whole number of at least {least}")
    return int(value)


def number(name: str, value: Any, *, above: float | None = None, least: float | None = None,
           below: float | None = None) -> float:
    """A finite number within bounds."""
    bounds = [f"{word} {bound}" for word, bound in (("above", above), ("at least", least), ("below", below))
              if bound is not None]
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if (not real or not np.isfinite(value) or (above is not None and value <= above)
            or (least is not None and value < least) or (below is not None and value >= below)):
        raise ArgumentError(f"{name}={value!r} is not a number {' and '.join(bounds)}".rstrip())
    return float(value)


def layer_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Numbers of neurons, from the input layer to the output layer."""
    try:
        given = tuple(sizes)
    except TypeError:
        given = ()
    if len(given) < 2:
        raise ArgumentError(f"sizes={sizes!r} does not describe a network",
                            why="it lists the neurons of each layer, at least an input and an output layer",
                            try_="Network([784, 30, 10])")
    return tuple(whole(f"the number of neurons of layer {l}", n) for l, n in enumerate(given))


def precision(dtype: Any) -> np.dtype[Any]:
    """float32 or float64."""
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        found = np.dtype(object)
    if found not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise ArgumentError(f"dtype={dtype!r} is not a precision networks are computed in",
                            try_='dtype="float32", or "float64" to check by hand')
    return found
