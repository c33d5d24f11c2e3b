"""Derivatives of functions of pytrees of arrays, by the two sweeps and by measurement."""

from whygrad.derivatives.check import GradientCheck, check_gradient
from whygrad.derivatives.own_rules import define
from whygrad.derivatives.recompute import checkpoint, stop_gradient
from whygrad.derivatives.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from whygrad.derivatives.variable import Variable

__all__ = [
    "GradientCheck",
    "Variable",
    "check_gradient",
    "checkpoint",
    "define",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "stop_gradient",
    "value_and_grad",
    "vjp",
]
