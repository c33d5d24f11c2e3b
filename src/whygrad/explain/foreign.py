"""Other people's models, handed to ``wg.explain``: the bridge that reads them is opened when one comes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whygrad.errors import ArgumentError

if TYPE_CHECKING:
    from whygrad.explain.explanation import Explanation

OPTIONS = ("cost", "target")


def is_foreign(f: Any) -> bool:
    """True for a torch.nn.Module and for an imported model. Imports neither PyTorch nor the bridges."""
    torch, ours = sys.modules.get("torch.nn"), sys.modules.get("whygrad.bridges.model")
    return (torch is not None and isinstance(f, torch.Module)) or (ours is not None and isinstance(f, ours.Model))


def explain_foreign(model: Any, inputs: tuple[Any, ...], wrt: Any, options: Mapping[str, Any]) -> Explanation:
    """The explanation of a model's gradient in its own names; ``cost=`` and ``target=`` say of what.

    A module is imported for these inputs first, as ``wg.from_torch(module, inputs)`` does.
    """
    from whygrad.bridges.model import Model

    if odd := [name for name in options if name not in OPTIONS]:
        raise ArgumentError(
            f"explain of {type(model).__name__} has no option {odd[0]!r}",
            try_='wg.explain(module, x, wrt="fc1.weight", cost="cross_entropy", target=y)',
        )
    if not isinstance(model, Model):
        from whygrad.bridges.torch_import import from_torch

        model = from_torch(model, inputs)
    explanation: Explanation = model.explain(*inputs, wrt=wrt, **options)
    return explanation
