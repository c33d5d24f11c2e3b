"""Derivatives of functions of pytrees of arrays, by the two sweeps and by measurement."""

from whygrad.derivatives.recompute import checkpoint, stop_gradient
from whygrad.derivatives.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from whygrad.derivatives.variable import Variable

__all__ = [
    "Variable", "checkpoint", "grad", "hessian", "hvp", "jacobian", "jvp", "stop_gradient", "value_and_grad", "vjp",
]
