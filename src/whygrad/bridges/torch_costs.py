"""The cost of a module's outputs, computed by PyTorch: by name, a loss module, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from whygrad.bridges.torch_tools import first_line, torch_itself, users_line
from whygrad.errors import ArgumentError, NotScalarError
from whygrad.nn.choose import choose

if TYPE_CHECKING:
    import torch

# Our name, PyTorch's function, and the squashing function that it applies to what it is given.
NAMED = {
    "cross_entropy": ("cross_entropy", "softmax"),
    "mse": ("mse_loss", ""),
    "l1": ("l1_loss", ""),
    "smooth_l1": ("smooth_l1_loss", ""),
    "huber": ("huber_loss", ""),
    "bce_with_logits": ("binary_cross_entropy_with_logits", "sigmoid"),
    "bce": ("binary_cross_entropy", ""),
    "nll": ("nll_loss", ""),
}
MODULES = {
    "CrossEntropyLoss": "cross_entropy", "MSELoss": "mse", "L1Loss": "l1", "SmoothL1Loss": "smooth_l1",
    "HuberLoss": "huber", "BCEWithLogitsLoss": "bce_with_logits", "BCELoss": "bce", "NLLLoss": "nll",
}  # fmt: skip


@dataclass(frozen=True)
class TorchCost:
    """``of(outputs, target)`` gives the loss, a mean or a sum over examples. ``applies``: see ``Record.cost_applies``.

    ``guessed``: nobody named it; it was chosen by the looks of outputs and targets.
    """

    name: str
    of: Callable[[Any, Any], torch.Tensor]
    applies: str = ""
    guessed: bool = False

    def loss(self, outputs: Any, target: Any) -> Any:
        """The loss, refused unless it is one number."""
        torch = torch_itself()
        try:
            value = self.of(outputs, target)
        except Exception as error:  # whatever the user's cost raises
            shape = tuple(getattr(target, "shape", ()))
            raise ArgumentError(
                f"the cost {self.name} raised {type(error).__name__}: {first_line(error)}", where=users_line(error),
                why=f"the outputs have shape {tuple(getattr(outputs, 'shape', ()))}, the targets {shape}",
                try_="cost= the one that the training uses, with the targets it takes",
            ) from error  # fmt: skip
        if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.is_floating_point():
            what = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else f"a {type(value).__name__}"
            raise NotScalarError(f"the cost {self.name} gave {what}, not a single number", try_="its mean")
        number: Any = value.reshape(())
        return number


def torch_cost(given: Any, outputs: Any, target: Any) -> TorchCost:
    """The cost that was given, by name, as a loss module or a function; guessed from outputs and targets if None."""
    torch = torch_itself()
    if given is None:
        if target is None:
            return TorchCost("the module's own output", lambda out, _: out)
        given, guessed = _guess(outputs, target), True
    else:
        guessed = False
    if isinstance(given, torch.nn.Module):
        name = MODULES.get(type(given).__name__, "")
        called = name or type(given).__name__
        return TorchCost(called, _with_target(given, target), NAMED[name][1] if name else "")
    if isinstance(given, str):
        short = given.removesuffix("_loss").replace("binary_cross_entropy", "bce")
        function, applies = choose("cost", short, NAMED)
        return TorchCost(short, getattr(torch.nn.functional, function), applies, guessed)
    if not callable(given):
        raise ArgumentError(f"cost={given!r} is no cost", try_='a name such as "cross_entropy", or the loss function')
    called = getattr(given, "__name__", "cost").removesuffix("_loss").replace("binary_cross_entropy", "bce")
    known = str(getattr(given, "__module__", "")).startswith("torch") and called in NAMED
    return TorchCost(called, _with_target(given, target), NAMED[called][1] if known else "")


def _with_target(function: Callable[..., Any], target: Any) -> Callable[[Any, Any], Any]:
    return (lambda out, _: function(out)) if target is None else function


def _guess(outputs: Any, target: Any) -> str:
    shape, wanted = tuple(getattr(outputs, "shape", ())), tuple(target.shape)
    if not target.is_floating_point() and len(shape) == len(wanted) + 1:
        return "cross_entropy"
    if shape == wanted:
        return "mse"
    raise ArgumentError(
        f"no cost was given, and outputs of shape {shape} with targets of shape {wanted} suggest none",
        try_='cost="cross_entropy", "mse", "bce_with_logits", a loss module, or a function of (outputs, targets)',
    )


def each_cost(cost: TorchCost, outputs: Any, target: Any, loss: float) -> tuple[np.ndarray | None, float]:
    """(C_x of each example, what turns the loss's gradient into C_x's): examples one by one tell a mean from a sum.

    (None, n) where the loss is neither, as a cost that compares examples with each other is.
    """
    torch = torch_itself()
    n = outputs.shape[0] if isinstance(outputs, torch.Tensor) and outputs.ndim else 0
    if not n or (target is not None and (not target.ndim or len(target) != n)):
        return None, 1.0
    with torch.no_grad():
        try:
            each = [cost.of(outputs[i : i + 1], None if target is None else target[i : i + 1]) for i in range(n)]
            costs = np.array([c.item() for c in each], float)
        except Exception:  # noqa: BLE001  # a cost of the user's that needs the whole batch
            return None, float(n)
    if np.isclose(costs.mean(), loss, rtol=1e-3, atol=1e-6, equal_nan=True):
        return costs, float(n)
    if np.isclose(costs.sum(), loss, rtol=1e-3, atol=1e-6):
        return costs, 1.0
    return None, float(n)


def constant_cost(name: str, outputs: np.ndarray, target: np.ndarray | None) -> float | None:
    """The cost of the best constant answer; None for costs where it is not known in closed form."""
    if target is None or not target.size:
        return None
    with np.errstate(all="ignore"):  # of targets near the end of the range it is infinite
        return _constant_cost(name, outputs, target)


def _constant_cost(name: str, outputs: np.ndarray, target: np.ndarray) -> float | None:
    if name == "cross_entropy" and target.dtype.kind in "iu":
        shares = np.bincount(target.ravel()[target.ravel() >= 0]) / max(1, target.size)
        return float(-np.sum(shares[shares > 0] * np.log(shares[shares > 0])))
    if name == "mse" and target.shape == outputs.shape:
        return float(np.mean((target - target.mean(axis=0)) ** 2))
    if name in ("bce", "bce_with_logits") and target.shape == outputs.shape:
        p = np.clip(target.mean(axis=0), 1e-12, 1 - 1e-12)
        return float(np.mean(-(p * np.log(p) + (1 - p) * np.log(1 - p))))
    return None
