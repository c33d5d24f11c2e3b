"""What a tool that only looks must leave as it was."""

from __future__ import annotations

from typing import Any


def hooks_of(module: Any) -> int:
    """How many hooks of any kind hang on the module and its parts."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks",
             "_forward_hooks_always_called")  # fmt: skip
    return sum(len(getattr(m, kind)) for m in module.modules() for kind in kinds)


def state_of(module: Any) -> dict[str, Any]:
    """Parameters, buffers, gradients, modes and hooks."""
    return {
        "numbers": {k: v.detach().clone() for k, v in module.state_dict().items()},
        "gradients": {k: None if p.grad is None else p.grad.clone() for k, p in module.named_parameters()},
        "modes": [m.training for m in module.modules()],
        "hooks": hooks_of(module),
    }


def assert_untouched(module: Any, before: dict[str, Any]) -> None:
    """Everything is as it was, to the bit."""
    now = state_of(module)
    assert now["modes"] == before["modes"]
    assert now["hooks"] == before["hooks"]
    for part in ("numbers", "gradients"):
        for key, value in before[part].items():
            assert (value is None) == (now[part][key] is None), key
            assert value is None or bool((value == now[part][key]).all()), key
