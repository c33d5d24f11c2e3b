"""``whygrad diagnose``: why a saved model does not learn, or that nothing is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from whygrad.bridges.diagnose import diagnose
from whygrad.cli.answer import check_folder, say, say_json, write_whole
from whygrad.cli.examples import DATASETS, load_to_judge
from whygrad.cli.network import network_and_examples
from whygrad.errors import ArgumentError


def run(model: Path, data: str, rate: float | None, examples: int, html: Path | None, as_json: bool) -> None:
    """Diagnose, and answer in the form that was asked for."""
    check_folder(html, model, Path(data))
    if model.suffix == ".safetensors":
        net, judged = network_and_examples(model, data)
        options: dict[str, Any] = {} if rate is None else {"learning_rate": rate}
        found = diagnose(net, judged.test_X, judged.test_Y, examples=examples, **options)
    elif model.suffix == ".onnx":
        if rate is not None:
            raise ArgumentError("--rate goes with a saved network: no step of an ONNX model is tried", where="")
        found = diagnose(model, *_arrays(data), examples=examples)
    else:
        raise ArgumentError(
            f"{str(model)!r} is neither a saved network nor an ONNX model",
            where="",
            try_="whygrad diagnose MODEL.safetensors, or MODEL.onnx",
        )
    if html is not None:
        from whygrad.render.html import page

        write_whole(html, page(found.verdict, found.html()))
    if as_json:
        say_json(found.to_dict())
    else:
        from whygrad.render.findings_text import diagnosis_renderable

        say(diagnosis_renderable(found), *([f"\nThe page: {html}"] if html else []))


def _arrays(data: str) -> tuple[Any, Any]:
    """Inputs and labels as they are in the file: what an ONNX model makes of them is its own affair."""
    if data in DATASETS:
        judged = load_to_judge(data)
        return judged.test_X, judged.test_labels
    from whygrad.nn.tables import load_arrays

    return load_arrays(data)
