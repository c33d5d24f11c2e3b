"""whygrad: backpropagation that shows its work."""

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
from whygrad.explain.sharing import sharing, sharing_growth
from whygrad.nn import data as datasets
from whygrad.nn import optimizers, schedules
from whygrad.nn.network import Network
from whygrad.nn.why import compare_costs, derive
from whygrad.rules.activations import elu, gelu, leaky_relu, relu, sigmoid, silu, softplus
from whygrad.rules.convolution import avg_pool2d, conv2d, max_pool2d
from whygrad.rules.normalization import batch_norm, layer_norm
from whygrad.rules.shapes import array
from whygrad.rules.softmax import log_softmax, logsumexp, softmax
from whygrad.rules.special import erf
from whygrad.rules.updates import at

__all__ = [
    "Network",
    "Variable",
    "array",
    "at",
    "avg_pool2d",
    "batch_norm",
    "check_gradient",
    "checkpoint",
    "compare_costs",
    "conv2d",
    "datasets",
    "define",
    "derive",
    "elu",
    "erf",
    "explain",
    "gelu",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
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
]
