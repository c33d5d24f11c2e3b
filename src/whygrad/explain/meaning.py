"""What a factor means, in a few words: the reading of the chain rule that people learn with neurons."""

from __future__ import annotations

import numpy as np

from whygrad.explain.elements import Edge, ElementGraph
from whygrad.graph.node import Node
from whygrad.graph.record import Program

SQUISHING = frozenset({"sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "erf"})
RESPONSIVE = "how responsive the neuron is"
CONSTANT = "multiplied by a constant"
PRODUCTS = frozenset({"multiply", "matmul", "dot", "inner", "einsum", "tensordot", "vecdot", "matvec", "vecmat"})
COMPARING = frozenset({"subtract", "absolute", "log", "log2", "log1p", "log_softmax", "logsumexp", "logaddexp"})
WEIGHTS, ACTIVITIES = frozenset("wWkKuUvVθ"), frozenset("axhAXH")  # first letters of names, as people choose them
SAYS_NOTHING = frozenset(
    {
        "add",
        "subtract",
        "negative",
        "positive",
        "sum",
        "copies",
        "reshape",
        "transpose",
        "getitem",
        "put",
        "concatenate",
        "broadcast_to",
        "cast",
    }
)


def meaning_of(program: Program, edges: tuple[Edge, ...], graph: ElementGraph) -> str:
    """A phrase for the factor along ``edges`` (given from the value asked about upwards)."""
    rules = [e.upper.node.rule for e in edges if e.upper.node.rule is not None]
    telling = [(rule, e) for rule, e in zip(rules, edges, strict=True) if rule.name not in SAYS_NOTHING]
    names = [rule.name for rule, _ in telling]
    if len(names) > 1 and names[0] in PRODUCTS and _squishes(names[1:]):  # a = sigmoid(w * x + b): z has no name
        product = _of_product(program, telling[0][1])
        return RESPONSIVE if product == CONSTANT else f"{RESPONSIVE}, times {product}"
    if _squishes(names):
        return RESPONSIVE
    if edges[-1].upper.node is graph.output and edges[0].lower != graph.start and _compares(edges):
        return "how wrong the output is"
    if not telling:
        return "passed on unchanged" if all(e.slope == 1 for e in edges) else "passed on"
    if len(telling) == 1 and names[0] in PRODUCTS:
        return _of_product(program, telling[0][1])
    if len(telling) > 1:
        return f"{len(telling)} steps in one: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"
    rule, edge = telling[0]
    return rule.because[0 if rule.variadic else edge.arg]


def _compares(edges: tuple[Edge, ...]) -> bool:
    """Whether the last steps are a cost's: they take a difference, or a logarithm, or start from a difference."""
    start = edges[0].lower.node.rule
    rules = (start, *(e.upper.node.rule for e in edges))
    return any(rule is not None and rule.name in COMPARING for rule in rules)


def _of_product(program: Program, edge: Edge) -> str:
    """In ``w * a`` the slope by w is how active a is, the slope by a how strong w is; names tell which is which."""
    node = edge.upper.node
    partner = node.inputs[1 - edge.arg] if len(node.inputs) == 2 else None
    if partner is not None and not isinstance(partner, Node) and np.ndim(partner) == 0:
        return CONSTANT
    mine, other = (
        program.labels.get(edge.lower.node, ""),
        program.labels.get(partner, "") if isinstance(partner, Node) else "",
    )
    if mine[:1] in WEIGHTS or other[:1] in ACTIVITIES:
        return "how active the input is"
    if (
        other[:1] in WEIGHTS
        or mine[:1] in ACTIVITIES
        or (edge.lower.node.rule is not None and isinstance(partner, Node) and partner.rule is None)
    ):
        return "how strong the connection is"
    return "the slope of one factor is the other factor"


def _squishes(names: list[str]) -> bool:
    """A squishing function of the table, perhaps of a multiple; or a sigmoid that the user wrote with exp."""
    written_out = names[:1] == ["exp"] and names[-1:] == ["divide"]
    return written_out or (names[-1:] != [] and names[-1] in SQUISHING and set(names[:-1]) <= {"multiply", "divide"})
