"""autograd: the same NumPy text, run on autograd's NumPy."""

from __future__ import annotations

import inspect
from typing import Any

import autograd
import autograd.numpy
import numpy as np
from autograd.scipy.special import erf

from benchmarks.peers.contract import Calls, chosen
from benchmarks.workloads.base import Objective


def gradients(variant: str, objective: Objective, args: Any, constants: dict[str, Any], direction: Any) -> Calls:
    """Value, gradient, product with the Hessian."""
    wanted = list(inspect.signature(objective.make).parameters)
    f = objective.make(autograd.numpy, **constants, **chosen({"erf": erf}, wanted))
    plain = objective.make(np, **constants, **chosen({"erf": erf}, wanted))
    if objective.second_order:
        product = autograd.hessian_vector_product(f)
        return Calls({"hessian": lambda: product(args[0], direction[0])}, lambda found: [found])
    gradient = autograd.value_and_grad(f, tuple(range(objective.wanted)))
    return Calls({"value": lambda: plain(*args), "gradient": lambda: gradient(*args)},
                 lambda found: (float(found[0]), list(found[1])))
