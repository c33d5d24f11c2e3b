"""whygrad: backpropagation that shows its work."""

from whygrad.derivatives import (
    Variable,
    checkpoint,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    stop_gradient,
    value_and_grad,
    vjp,
)
from whygrad.explain.explain import explain

__all__ = [
    "Variable",
    "checkpoint",
    "explain",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
