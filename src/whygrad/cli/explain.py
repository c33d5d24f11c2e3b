"""``whygrad explain``: one gradient of the user's function, or of a saved network, to the last factor."""

from __future__ import annotations

from pathlib import Path

from whygrad.cli.answer import check_folder, say, say_exactly, say_json, write_whole
from whygrad.errors import ArgumentError
from whygrad.explain.explanation import Explanation


def run(
    what: str,
    at: str,
    wrt: str | None,
    weight: str | None,
    bias: str | None,
    data: str,
    example: int,
    html: Path | None,
    latex: bool,
    as_json: bool,
) -> None:
    """Explain, and answer in the form that was asked for."""
    check_folder(html)
    why = _explanation(what, at, wrt, weight, bias, data, example)
    if html is not None:
        from whygrad.render.html import page

        write_whole(html, page(f"∂{why.of}/∂{why.wrt}", why.html()))
    if as_json:
        say_json(why.to_dict())
    elif latex:
        say_exactly(why.latex())
    else:
        from whygrad.render.text import explanation_renderable

        say(explanation_renderable(why), *([f"\nThe page: {html}"] if html else []))


def _explanation(
    what: str, at: str, wrt: str | None, weight: str | None, bias: str | None, data: str, example: int
) -> Explanation:
    if what.endswith(".safetensors"):
        from whygrad.cli.network import explain_parameter

        return explain_parameter(Path(what), weight, bias, data, example)
    if ".py:" not in what:
        raise ArgumentError(
            f"{what!r} is neither a function in a file nor a saved network",
            where="",
            try_="whygrad explain FILE.py:function, or whygrad explain MODEL.safetensors --weight 1,0,0",
        )
    if weight is not None or bias is not None:
        raise ArgumentError(
            f"--weight and --bias are of a saved network, and {what} is a function", where="", try_="--wrt w"
        )
    from whygrad.cli.function import explain_function

    return explain_function(what, at, wrt)
