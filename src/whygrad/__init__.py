"""whygrad: backpropagation that shows its work."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from whygrad.derivatives import (
    Variable,
    check_gradient,
    checkpoint,
    define,
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
from whygrad.jit import jit
from whygrad.rules.activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus
from whygrad.rules.convolution import avg_pool2d, conv2d, max_pool2d
from whygrad.rules.normalization import batch_norm, layer_norm
from whygrad.rules.shapes import array
from whygrad.rules.softmax import log_softmax, logsumexp, softmax
from whygrad.rules.special import erf
from whygrad.rules.updates import at

if TYPE_CHECKING:
    from whygrad.bridges.diagnose import diagnose
    from whygrad.bridges.onnx_import import from_onnx
    from whygrad.bridges.torch_import import from_torch
    from whygrad.checking.derivation import check_derivation
    from whygrad.checking.worksheet import worksheet
    from whygrad.explain.sharing import sharing, sharing_growth
    from whygrad.nn import data as datasets
    from whygrad.nn import optimizers, schedules
    from whygrad.nn.network import Network
    from whygrad.nn.why import compare_costs, derive

# Loaded when first used: who only wants a gradient does not wait for networks (a third of the time to import).
# ``explain`` and ``jit`` can not wait: importing the room of that name would put the room in the function's place.
_WHEN_USED = {
    "Network": ("whygrad.nn.network", "Network"),
    "check_derivation": ("whygrad.checking.derivation", "check_derivation"),
    "compare_costs": ("whygrad.nn.why", "compare_costs"),
    "datasets": ("whygrad.nn.data", None),
    "diagnose": ("whygrad.bridges.diagnose", "diagnose"),
    "derive": ("whygrad.nn.why", "derive"),
    "from_onnx": ("whygrad.bridges.onnx_import", "from_onnx"),
    "from_torch": ("whygrad.bridges.torch_import", "from_torch"),
    "optimizers": ("whygrad.nn.optimizers", None),
    "schedules": ("whygrad.nn.schedules", None),
    "sharing": ("whygrad.explain.sharing", "sharing"),
    "sharing_growth": ("whygrad.explain.sharing", "sharing_growth"),
    "worksheet": ("whygrad.checking.worksheet", "worksheet"),
}

__all__ = [
    "Network",
    "Variable",
    "array",
    "at",
    "avg_pool2d",
    "batch_norm",
    "check_derivation",
    "check_gradient",
    "checkpoint",
    "compare_costs",
    "conv2d",
    "datasets",
    "define",
    "derive",
    "diagnose",
    "elu",
    "erf",
    "explain",
    "from_onnx",
    "from_torch",
    "gelu",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "max_pool2d",
    "optimizers",
    "relu",
    "schedules",
    "sharing",
    "sharing_growth",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "worksheet",
]


def __getattr__(name: str) -> Any:
    if name not in _WHEN_USED:
        raise AttributeError(f"module 'whygrad' has no attribute {name!r}")
    module, attribute = _WHEN_USED[name]
    found = import_module(module)
    value = globals()[name] = found if attribute is None else getattr(found, attribute)
    return value


def __dir__() -> list[str]:
    return __all__
