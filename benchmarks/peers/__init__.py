"""Who takes part: a module per library, each written as its experts would write it, and its variants."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Contestant:
    """``module`` of this package, asked for its ``variant``; ``needs``: packages; ``distribution``: for the version."""

    module: str
    variant: str
    needs: tuple[str, ...]

    def load(self) -> ModuleType:
        """The module that builds it."""
        return importlib.import_module(f"benchmarks.peers.{self.module}")

    def missing(self) -> str:
        """The first package that is not installed, or nothing."""
        return next((name for name in self.needs if not importlib.util.find_spec(name)), "")


CONTESTANTS: dict[str, Contestant] = {
    "whygrad native": Contestant("whygrad_", "native", ("llvmlite",)),
    "whygrad numpy": Contestant("whygrad_", "numpy", ()),
    "whygrad eager": Contestant("whygrad_", "eager", ()),
    "NumPy by hand": Contestant("numpy_by_hand", "", ()),
    "autograd": Contestant("autograd_", "", ("autograd",)),
    "PyTorch eager": Contestant("torch_", "eager", ("torch",)),
    "PyTorch compile": Contestant("torch_", "compile", ("torch",)),
    "JAX jit": Contestant("jax_", "jit", ("jax",)),
    "JAX scan": Contestant("jax_", "scan", ("jax",)),
    "tinygrad": Contestant("tinygrad_", "", ("tinygrad",)),
    "micrograd": Contestant("micrograd_", "", ("micrograd",)),
    "scikit-learn": Contestant("sklearn_", "", ("sklearn",)),
}


def is_ours(name: str) -> bool:
    """Whether a contestant is whygrad."""
    return name.startswith("whygrad")
