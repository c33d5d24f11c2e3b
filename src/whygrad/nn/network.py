"""``Network``: a fully connected network that learns, and whose every number can be looked at and changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from whygrad.derivatives import grad
from whygrad.errors import ShapeError, public
from whygrad.nn import activations, costs, optimizers, persistence, schedules
from whygrad.nn import validation as check
from whygrad.nn.history import History
from whygrad.nn.initializers import first_parameters
from whygrad.nn.layers import Parameters, architecture
from whygrad.nn.measure import CHUNK, measure
from whygrad.nn.plan import plan
from whygrad.nn.progress import Reporter, reporter, teller
from whygrad.nn.steps import Job
from whygrad.nn.training import Training
from whygrad.nn.why import Explaining

if TYPE_CHECKING:
    from whygrad.nn.watching import Watching

Floats = NDArray[np.floating[Any]]
Data = Any  # an array, or anything NumPy makes one of
Callback = Callable[["Network", History], Any]


class Network(Explaining):
    """A network of fully connected layers, 0 (input) to L (output): ``z^l = W^l a^{l-1} + b^l``, ``a^l = σ(z^l)``.

    ``sizes``: neurons of each layer. ``activation``: one name or function for all layers, or one per layer after the
    input. ``cost``: a name, or a function (a, y) of one example that returns one number. ``init``: "suited" ("he"
    before relu and its relatives, else "scaled"), "large", "scaled", "glorot", "he", or a function (rng, n_out, n_in)
    that returns W; `whygrad.nn.initializers` has their formulas.
    ``dtype``: "float32" or "float64". The same ``seed`` gives the same network, to the bit.

    After "softmax_cross_entropy" the output layer's activation is softmax. ``weights[l-1]`` is W^l of shape
    (n_l, n_{l-1}), ``biases[l-1]`` is b^l; both may be written to. ``history`` is what the last ``fit`` returned.

    >>> net = Network([2, 3, 1], activation="tanh", seed=1)
    >>> net.predict([[0.0, 1.0], [1.0, 0.0]]).shape
    (2, 1)
    """

    weights: list[Floats]
    biases: list[Floats]

    @public
    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | activations.Function | Sequence[str | activations.Function] = "sigmoid",
        cost: str | costs.Function = "half_squared_error",
        seed: int = 0,
        dtype: Any = "float32",
        init: str | Callable[..., Any] = "suited",
    ) -> None:
        checked = check.layer_sizes(sizes)
        self.architecture = architecture(checked, activation, cost, check.precision(dtype))
        self._start(seed)
        self.weights, self.biases = first_parameters(
            init, checked, self.architecture.activations, np.random.default_rng(seed), self.architecture.dtype
        )

    def _start(self, seed: int) -> None:
        self.seed = check.whole("seed", seed, 0)
        self.history = History()
        self._rng = np.random.default_rng([seed, 1])  # order of examples and dropout: apart from the first weights

    # ── what it is ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons of each layer, from the input to the output."""
        return self.architecture.sizes

    @property
    def parameters(self) -> Parameters:
        """The weights and biases, checked: each of its layer's shape, in the network's precision."""
        sizes, dtype = self.sizes, self.architecture.dtype
        found: dict[str, list[Floats]] = {"W": [], "b": []}
        for name, arrays in (("W", self.weights), ("b", self.biases)):
            if len(arrays) != len(sizes) - 1:
                raise ShapeError(f"the network has {len(arrays)} {name}'s for {len(sizes) - 1} layers")
            for l, array in enumerate(arrays, start=1):
                needed = (sizes[l], sizes[l - 1]) if name == "W" else (sizes[l],)
                if np.shape(array) != needed:
                    raise ShapeError(f"{name}^{l} has shape {np.shape(array)}; layer {l} needs {needed}",
                                     why=f"layer {l - 1} has {sizes[l - 1]} neuron(s), layer {l} has {sizes[l]}")
                found[name].append(np.asarray(array, dtype))
        return Parameters(tuple(found["W"]), tuple(found["b"]))

    def __repr__(self) -> str:
        names = [activation.name for activation in self.architecture.activations]
        shown = repr(names[0]) if len(set(names)) == 1 else repr(names)
        return (f"Network({list(self.sizes)}, activation={shown}, cost={self.architecture.cost.name!r}, "
                f"dtype={self.architecture.dtype.name!r})")

    # ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────

    @public
    def predict(self, X: Data) -> Floats:
        """The outputs a^L: ``(n, n_L)`` for rows ``(n, n_0)``, ``(n_L,)`` for one example ``(n_0,)``."""
        rows = check.rows(self.architecture, X)
        outputs = np.concatenate([
            self.architecture.evaluate(self.parameters, rows[i : i + CHUNK])
            for i in range(0, len(rows), CHUNK)
        ])
        return outputs[0] if np.ndim(X) == 1 else outputs

    @public
    def classify(self, X: Data) -> NDArray[np.int64]:
        """The class of each row: the neuron of the largest output; of a single output, whether it is ≥ ½."""
        return check.classes_of_outputs(np.atleast_2d(self.predict(X)))

    @public
    def accuracy(self, X: Data, labels: Data) -> float:
        """The share of rows whose class is the label. ``labels``: class numbers ``(n,)``, or one-hot ``(n, n_L)``."""
        found = self.classify(X)
        return float(np.mean(found == check.labels_of(labels, len(found), self.sizes[-1])))

    @public
    def cost_of(self, X: Data, Y: Data) -> float:
        """``C = (1/n) Σ_x C_x``. ``Y``: targets ``(n, n_L)``, or class numbers ``(n,)``; without L1 and L2."""
        examples = check.examples(self.architecture, X, Y)
        return measure(self.architecture, self.parameters, examples).cost

    @public
    def gradient(self, X: Data, Y: Data) -> Parameters:
        """The gradient of ``cost_of(X, Y)``: ``.weights[l-1]`` is ∂C/∂W^l, ``.biases[l-1]`` is ∂C/∂b^l."""
        examples = check.examples(self.architecture, X, Y)
        found: Parameters = grad(self.architecture.mean_cost)(self.parameters, examples.inputs, examples.targets)
        return found

    @public
    def learning_speeds(self, X: Data, Y: Data) -> Floats:
        """For each layer, ``‖∂C/∂b^l‖``, the norm of the mean of δ^l: how fast gradient descent moves its biases."""
        return np.array([np.linalg.norm(g) for g in self.gradient(X, Y).biases])

    # ── how it learns ────────────────────────────────────────────────────────────────────────────────────────────────

    @public
    def fit(
        self,
        X: Data,
        Y: Data,
        epochs: int = 30,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        optimizer: str | optimizers.Optimizer = "sgd",
        validation: tuple[Data, Data] | None = None,
        backend: str = "auto",
        progress: bool | Reporter = True,
        *,
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        schedule: schedules.Schedule | None = None,
        early_stopping: int | schedules.EarlyStopping | None = None,
        callback: Callback | None = None,
        watch: bool = False,
    ) -> History:
        """Learn from rows ``X (n, n_0)`` and targets ``Y (n, n_L)`` or labels ``(n,)``, in batches of random order.

        ``batch_size``: 10 by default, all rows where there are fewer. ``learning_rate``: the optimizer's usual one by
        default. ``l2`` adds λ/(2n) Σ w² to the cost, ``l1`` λ/n Σ |w|, n being the rows of X. ``dropout``: share of
        each hidden layer's neurons left out in each step. ``early_stopping``: patience in epochs; needs ``validation``.
        ``callback(network, history)`` is called after each epoch; when it returns True, training ends.

        ``backend``: "numpy" runs the engine on NumPy arrays, step by step; "native" compiles the whole step once and
        runs many per call in native code; "auto" compiles what NumPy would take more than about 2 s for, where LLVM
        is there and every function of the network can be compiled. Both give the same results, to rounding, and
        repeat to the bit; ``history.backend`` says which it was.

        ``watch=True`` looks at the network while it learns, for at most 2 % of the time, and tells what keeps it from
        learning when it appears (docs/diagnose.md); ``history.findings`` has the findings with their steps. It changes
        no number of the training.

        Ctrl-C ends training with what has been learned so far. A cost that is not finite raises DivergedError, and the
        network keeps its last good weights.
        """
        model = self.architecture
        examples = check.examples(model, X, Y)
        held_out = None if validation is None else check.examples(model, *check.pair(validation), ("Xv", "Yv"))
        planned = plan(
            len(examples), model.layers - 1, held_out is not None, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, optimizer_given=optimizer, backend=backend, l2=l2, l1=l1, dropout=dropout,
            clip_norm=clip_norm, schedule=schedule, early_stopping=early_stopping,
        )
        check.finite_parameters(self.parameters)
        check.writable([*self.weights, *self.biases])
        check.function("callback", callback)
        told = reporter(progress)
        job = Job(model, self.parameters, examples, planned, self._rng, held_out)
        training = Training(job, _watching(job, told) if check.flag("watch", watch) else None)

        def after_epoch(parameters: Parameters, history: History) -> bool:
            self.history = history
            self._take(parameters)
            return callback is not None and callback(self, history) is True

        try:
            training.run(told, after_epoch)
        finally:
            self.history = training.history
            self._take(training.parameters)
        return self.history

    def _take(self, parameters: Parameters) -> None:
        """Write these numbers into the network's own arrays, which the user may be holding."""
        for own, learned in zip([*self.weights, *self.biases], [*parameters.weights, *parameters.biases], strict=True):
            own[...] = learned

    # ── where it is kept ─────────────────────────────────────────────────────────────────────────────────────────────

    @public
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a safetensors file; an existing file is replaced whole or not at all.

        Activations and costs are kept by name, so a network with functions of the user's is refused (ArgumentError).
        """
        persistence.save(path, self.architecture, self.parameters, self.seed)

    @classmethod
    @public
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """The network in a file that ``save`` wrote; any other is refused (DataError), and nothing in it is run."""
        stored = persistence.load(path)
        network = cls.__new__(cls)
        network.architecture, network.weights, network.biases = stored.architecture, stored.weights, stored.biases
        network._start(stored.seed)
        return network

    @public
    def to_onnx(self, path: str | os.PathLike[str], *, with_cost: bool = False) -> None:
        """Write the network to an ONNX file (opset 20) that other tools run; an existing file is replaced whole or not.

        The file's input is ``x`` (examples, n_0), its output ``a^L`` (examples, n_L), for any number of examples.
        ``with_cost`` adds the targets ``y`` as an input and the mean cost ``C`` as an output. Functions of your own
        are written down rule by rule; one that uses a rule without a form in ONNX is refused (UnsupportedError).
        """
        from whygrad.nn.onnx_export import to_onnx

        to_onnx(path, self.architecture, self.parameters, with_cost=with_cost)


def _watching(job: Job, told: Reporter) -> Watching:
    from whygrad.nn.watching import Watching  # and with it all findings, which a plain fit does not need

    return Watching(job, teller(told))
