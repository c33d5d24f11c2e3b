"""Every layer of PyTorch's that docs/torch.md names, imported; and the page is what the tables say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import optree
import pytest

import whygrad as wg

pytestmark = pytest.mark.peers("torch")
ROOT = Path(__file__).resolve().parents[2]


def test_every_layer_of_the_page_gives_pytorchs_values_and_gradients(torch: Any) -> None:
    from torch.utils._pytree import tree_leaves

    from .torch_zoo import zoo

    module, numbers = zoo()
    model = wg.from_torch(module, numbers)
    theirs = tree_leaves(module(numbers))
    ours = optree.tree_leaves(model(numbers))
    assert len(ours) == len(theirs)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other.detach().numpy(), rtol=1e-9, atol=1e-9)
    sum((x * x).sum() for x in theirs).backward()
    gradient = model.grad(numbers, cost=lambda out: sum(np.sum(x * x) for x in optree.tree_leaves(out)))
    for name, p in module.named_parameters():
        expected = np.zeros(p.shape) if p.grad is None else p.grad.numpy()
        np.testing.assert_allclose(gradient[name], expected, rtol=1e-9, atol=1e-9, err_msg=name)


def test_the_page_is_what_the_tables_say() -> None:
    from scripts.make_bridge_tables import PAGE, page

    assert PAGE.read_text() == page(), "docs/torch.md is out of date: python scripts/make_bridge_tables.py"


def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "torch.md").read_text()
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(code, "docs/torch.md", "exec"), names)
    assert names["why"].wrt.text == "fc1.weight[0, 3]"
    assert names["found"].record.n == 200
    assert names["seen"].looks >= 1
