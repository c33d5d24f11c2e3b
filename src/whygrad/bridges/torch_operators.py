"""The table of PyTorch's operators: what each one is in NumPy calls and whygrad's rules, one line for each.

A key is an operator with all its overloads, or, where these differ, one overload (``aten.max.dim``). Arguments come as
PyTorch's schemas have them. No derivative stands here: the rules that are called have them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from whygrad.bridges.torch_operators_arrays import ARRAYS
from whygrad.bridges.torch_operators_layers import LAYERS
from whygrad.bridges.torch_operators_losses import LOSSES
from whygrad.bridges.torch_operators_numbers import NUMBERS
from whygrad.bridges.torch_operators_recurrent import RECURRENT

Operator = Callable[..., Any]

PLAIN: dict[str, Operator] = {  # Python's own, on sizes
    f"operator.{name}": getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "floordiv",
        "truediv",
        "mod",
        "neg",
        "pow",
        "getitem",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
    )
}

OPERATORS: dict[str, Operator] = PLAIN | ARRAYS | NUMBERS | LAYERS | RECURRENT | LOSSES

# What checks or promises something about sizes and computes nothing.
CHECKS = frozenset(
    "aten._assert_tensor_metadata aten._assert_async aten._assert_scalar aten.sym_constrain_range "
    "aten.sym_constrain_range_for_size aten._check_is_size".split()
)

# What only moves numbers: explanations see through it, so it gets no name.
MOVES = frozenset(
    "aten.view aten.reshape aten._unsafe_view aten.transpose aten.permute aten.t aten.flatten aten.unflatten "
    "aten.squeeze aten.unsqueeze aten.contiguous aten.clone aten.alias aten.expand aten.movedim aten.numpy_T "
    "aten.dropout aten.to aten._to_copy aten.select aten.slice aten.narrow aten.detach aten.lift_fresh_copy "
    "operator.getitem aten.split aten.split_with_sizes aten.chunk aten.unbind aten.swapaxes aten.feature_dropout "
    "aten.alpha_dropout aten.mT".split()
)


def operator_of(name: str) -> Operator | None:
    """The line of the table for ``aten.add.Tensor``: that overload's own, or the operator's."""
    return OPERATORS.get(name) or OPERATORS.get(base(name))


def base(name: str) -> str:
    """``aten.add`` of ``aten.add.Tensor``."""
    return ".".join(name.split(".")[:2])
