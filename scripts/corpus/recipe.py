"""``Recipe``: all that makes a training set-up; ``Setup``: a recipe, its truth, and the recipe without the fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scripts.corpus.tasks import Data, digits

import whygrad as wg

BATCH = 10


class Truth(NamedTuple):
    """One thing that is wrong: its kind, a word of `KINDS`, and the layers it sits in (empty: no layer, or all)."""

    kind: str
    layers: tuple[int, ...] = ()


KINDS = {  # the vocabulary of the truth
    "vanishing gradient": "the error shrinks from layer to layer: early layers learn much slower than late ones",
    "exploding gradient": "the error or the activations grow from layer to layer",
    "saturation": "most neurons of a layer sit where their activation is flat",
    "dead units": "relu neurons that no example activates",
    "bad initialization": "weights all zero, all alike, far too small or far too large",
    "rate too high": "steps overshoot",
    "rate too low": "steps hardly move the weights",
    "input scale": "inputs far from the size that the first weights were drawn for",
    "dead inputs": "inputs that are the same in every example, so that nothing can be learned from them",
    "wrong labels": "targets that do not belong to their inputs",
    "label scale": "targets far from the size that the output has",
    "no nonlinearity": "a stack of linear layers, which is one linear layer",
    "cost mismatch": "cost, output activation and targets do not fit together",
    "no gradient": "a part is cut off, or has slope zero everywhere: no error reaches the layers below",
    "not a number": "NaN or inf is born, forwards or backwards",
    "underflow": "numbers too small for their precision became zero",
    "plateau": "the cost stands still although nothing has been learned",
    "gradient noise": "batches so small for the rate that steps are mostly noise",
}


@dataclass(frozen=True)
class Recipe:
    """A network, its data and its training. ``before``: epochs that it is trained before anyone looks.

    ``start`` changes the network before training; ``activation`` is of the hidden layers, or one per layer.
    """

    hidden: tuple[int, ...] = (30,)
    activation: Any = "sigmoid"
    output: Any = "sigmoid"
    cost: Any = "cross_entropy"
    init: Any = "suited"
    seed: int = 0
    dtype: str = "float32"
    data: Callable[[], Data] = digits
    start: Callable[[wg.Network], None] | None = None
    optimizer: Any = "sgd"
    rate: float = 0.5
    batch: int = BATCH
    before: int = 0

    def network(self) -> wg.Network:
        """The network as it is before any step."""
        data = self.data()
        hidden = self.activation if isinstance(self.activation, tuple) else (self.activation,) * len(self.hidden)
        outputs = 10 if np.ndim(data.Y) == 1 and np.asarray(data.Y).dtype.kind == "i" else np.shape(data.Y)[1]
        net = wg.Network([np.shape(data.X)[1], *self.hidden, outputs], [*hidden, self.output], cost=self.cost,
                         init=self.init, seed=self.seed, dtype=self.dtype)
        if self.start is not None:
            self.start(net)
        return net

    def train(self, net: wg.Network, epochs: int) -> bool:
        """Train further; False if the cost was not finite, and the network has its last good weights."""
        data = self.data()
        try:
            with np.errstate(all="ignore"):
                net.fit(data.X, data.Y, epochs=epochs, batch_size=self.batch, learning_rate=self.rate,
                        optimizer=self.optimizer, backend="numpy", progress=False)
        except ArithmeticError:
            return False
        return True


@dataclass(frozen=True)
class Setup:
    """One row of the corpus. ``truth`` is empty for a healthy one; ``mended`` is the recipe without the fault.

    ``epochs``: for how long both are trained to see that the fault matters.
    """

    name: str
    family: str
    recipe: Recipe
    truth: tuple[Truth, ...] = ()
    mended: Recipe | None = None
    epochs: int = 5

    @property
    def healthy(self) -> bool:
        """Whether there is nothing to find."""
        return not self.truth


def broken(name: str, family: str, mended: Recipe, truth: Truth | tuple[Truth, ...], *, epochs: int = 5,
           **fault: Any) -> Setup:
    """A set-up that differs from a healthy recipe by its fault alone."""
    truths = (truth,) if isinstance(truth, Truth) else truth
    return Setup(name, family, replace(mended, **fault), truths, mended, epochs)


def spelled(truth: tuple[Truth, ...]) -> str:
    """The truth in words: vanishing gradient in layers 1 to 4; underflow."""
    return "; ".join(kind + (f" in layer{'s' * (len(layers) > 1)} {_spans(layers)}" if layers else "")
                     for kind, layers in truth)


def _spans(layers: tuple[int, ...]) -> str:
    """1, 2, 3 as 1 to 3."""
    together = len(layers) > 2 and layers[-1] - layers[0] == len(layers) - 1
    return f"{layers[0]} to {layers[-1]}" if together else ", ".join(map(str, layers))
