"""What is measured of a model on given examples, as plain arrays that know no kind of model.

A bridge (a Network's probe, PyTorch hooks, an imported ONNX graph) fills a ``Record``; ``measure`` turns it into
statistics and the findings judge those. Nothing here computes a derivative: slopes, deltas and gradients are what the
engine (or the framework at hand) gave. What a bridge can not know stays ``None``, and the report says "unknown" where
it would be needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from whygrad.explain.explanation import Explanation

Array = npt.NDArray[Any]


class Born(NamedTuple):
    """Where a NaN or inf was born, in a sentence, and what to try against it."""

    said: str
    try_: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class LayerRecord:
    """One layer with weights, on n examples; ``name`` is its name for people: ``layer 1``, or ``encoder.fc1``.

    Two-dimensional arrays have one row per example and one column per unit: ``(n, n_l)``. Where a unit is a channel
    with many positions (convolutions, sequences), rows are examples times positions, example by example: row
    ``x * positions + p``; ``positions`` says how many belong to one example.

    ``inputs``: what the weights multiply, a^{l-1}, ``(rows, n_{l-1})``.
    ``z``: their weighted sums. ``a``: what the layer passes on.
    ``activation``: the name of σ between them; ``"identity"`` where there is none, ``""`` where it is unknown.
    ``slope``: σ'(z), number by number; None where σ mixes units (softmax) or is unknown.
    ``max_slope``: the largest |σ'| that σ can have; None where it has none or it is unknown.
    ``squashes``: whether σ flattens on both sides (sigmoid, tanh), so that a small slope is saturation; None: known by
    the activation's name.
    ``delta``: ∂C_x/∂z of each example's own cost C_x, not divided by n.
    ``error``: ∂C_x/∂a, what arrives from above, so that delta = error · slope; None where only δ is known, or where σ'
    is no factor of its own because it cancels against the cost's slope.

    ``weight``: ``(n_l, n_{l-1})``, more axes flattened into the second. ``bias``: ``(n_l,)``.
    ``weight_gradient``, ``bias_gradient``: of the mean cost, in the same shapes.
    ``gradient_squares``: ‖∂C_x/∂W‖² of each example, ``(n,)``; None where it follows from ``delta`` and ``inputs``
    because every row is one example (``positions == 1``).
    ``update``: what the optimizer adds to ``weight`` in a step, same shape; None if not known.
    ``reached``: False where no path leads from the weights to the cost (a detached part; PyTorch's ``grad is None``).
    ``trained``: False where these weights are kept as they are (frozen, or not given to the optimizer).
    ``where``: the place in the user's code, ``file.py:12``, if there is one.
    ``weight_name``: what explanations call the weights: ``W^1``, ``encoder.fc1.weight``.
    """

    name: str
    activation: str
    z: Array | None
    a: Array | None
    delta: Array | None
    inputs: Array | None = None
    slope: Array | None = None
    max_slope: float | None = None
    squashes: bool | None = None
    error: Array | None = None
    weight: Array | None = None
    bias: Array | None = None
    weight_gradient: Array | None = None
    bias_gradient: Array | None = None
    gradient_squares: Array | None = None
    update: Array | None = None
    positions: int = 1
    reached: bool = True
    trained: bool = True
    kind: str = "dense"
    where: str = ""
    weight_name: str = ""

    @property
    def units(self) -> int:
        """n_l: how many units (neurons, channels) the layer has; 0 if nothing of it was measured."""
        known = next((x for x in (self.z, self.a, self.delta) if x is not None), None)
        if known is not None:
            return int(known.shape[1])
        return 0 if self.weight is None else len(self.weight)


@dataclass(frozen=True, eq=False)
class Record:
    """A model seen on ``n`` examples: its layers in the order of the forward pass, the last one nearest to the cost.

    ``chain``: True if each layer is fed by the one before and by nothing else, so that attenuation from layer to layer
    has a meaning; False for residual or recurrent models.
    ``X``: inputs ``(n, n_0)``, more axes flattened. ``Y``: targets ``(n, n_L)``, or None where the cost needs none.
    ``labels``: class numbers ``(n,)`` where targets are classes. ``outputs``: a^L as the cost sees it, ``(n, n_L)``.

    ``costs``: C_x of each example, ``(n,)``. ``cost``: their mean, or what the user's own loss said.
    ``cost_name``: such as ``cross_entropy``; ``""`` if unknown.
    ``cost_applies``: the squashing function that the cost itself applies to what it is given (``"softmax"`` for
    PyTorch's CrossEntropyLoss, ``"sigmoid"`` for BCEWithLogitsLoss), else ``""``.
    ``constant_cost``: the cost of the best constant answer, the mean target for every example: what a model costs that
    has learned nothing from the inputs; None if not known.
    ``dtype``: what gradients were computed in. ``loss_scale``: what the loss was multiplied with (AMP); the arrays here
    are unscaled already.

    ``steps``: training steps so far; 0 untrained, None unknown.
    ``learning_rate``, ``batch_size``, ``optimizer``: of the training; None or ``""`` if there is none or unknown.
    ``trial_steps``: (multiple, cost) pairs: the cost of these examples after one step of that multiple of the
    optimizer's step, everything else the same; empty if no step was tried.
    ``step_costs``: the cost of training steps, oldest first (each the mean of its batch). ``epoch_costs``: of epochs.

    ``born``: the operation that made the first number which is not finite; None if all are finite or it is not known.
    ``notes``: what could not be measured, and why, in sentences.
    ``explain``: (index into ``layers``, j, k) -> the derivation of weight w_jk on one typical example; None if none.
    """

    model: str
    layers: tuple[LayerRecord, ...]
    n: int
    dtype: np.dtype[Any]
    cost: float | None = None
    costs: Array | None = None
    cost_name: str = ""
    cost_applies: str = ""
    constant_cost: float | None = None
    X: Array | None = None
    Y: Array | None = None
    labels: Array | None = None
    outputs: Array | None = None
    chain: bool = True
    steps: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    optimizer: str = ""
    loss_scale: float = 1.0
    trial_steps: tuple[tuple[float, float], ...] = ()
    step_costs: tuple[float, ...] = ()
    epoch_costs: tuple[float, ...] = ()
    born: Born | None = None
    notes: tuple[str, ...] = ()
    explain: Callable[[int, int, int], Explanation] | None = field(default=None, repr=False)
