"""The commands, their options and their help. Each reads its words, calls public functions and prints."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from whygrad.cli.answer import STOPPED, answers

# Commands import what they need when they run: --help answers in a fifth of a second.

app = typer.Typer(
    name="whygrad",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Backpropagation that shows its work: exact gradients, explained factor by factor.",
    epilog="Exit codes: 0 it worked, 1 bad input or it failed, 2 the command line is wrong, 130 stopped by Ctrl-C.",
)

Command = TypeVar("Command", bound=Callable[..., None])
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE.html", help="Write the report, one page that needs nothing else."),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A network saved by `whygrad train --save`.")]
Data = Annotated[str, typer.Option("--data", metavar="DATA", help="digits, mnist, or FILE.csv, .npz or IDX.")]
Example = Annotated[int, typer.Option("--example", help="Which test example, from 0.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same network.")]


def main() -> int:
    """Run the command line; the exit code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal without ✓ or ∂ gets ? for them, not a traceback
        if isinstance(stream, io.TextIOWrapper) and "utf" not in stream.encoding.lower():
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="whygrad")
    except KeyboardInterrupt:  # while a command was still being read
        return STOPPED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    return 0


def _examples(*lines: str) -> Callable[[Command], Command]:
    """Commands to copy, under the command's help; a backspace keeps their lines apart."""

    def add(command: Command) -> Command:
        command.__doc__ = "\n\n".join((command.__doc__ or "", "\b\n" + "\n".join(lines)))
        return command

    return add


def _version(wanted: bool) -> None:
    if wanted:
        from whygrad.report.page import made_by

        typer.echo(made_by())
        raise typer.Exit


@app.callback()
def everything(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Nothing is shared by the commands but the version."""


@app.command()
@_examples(
    "whygrad demo",
    "whygrad demo --report digits.html --seed 7",
)
@answers
def demo(
    report: Annotated[Path, typer.Option("--report", metavar="FILE.html", help="Where the report goes.")] = Path(
        "whygrad-demo.html"
    ),
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """The tour, in less than a minute: learn to read digits, then explain one gradient to the last factor."""
    from whygrad.cli.demo import run

    run(report, seed, as_json)


@app.command()
@_examples(
    "whygrad train digits --hidden 30 --epochs 5",
    "whygrad train mnist --hidden 100,30 --save mnist.safetensors --report mnist.html",
    "whygrad train flowers.csv --hidden 16 --rate 0.1 --epochs 50",
)
@answers
def train(
    data: Annotated[
        str,
        typer.Argument(
            metavar="[DATA]",
            help="digits, mnist, or FILE.csv, .npz or IDX: the label is the column named label, else the last.",
        ),
    ] = "digits",
    hidden: Annotated[str, typer.Option(help="Neurons of each hidden layer, or 'none'.")] = "30",
    activation: Annotated[str, typer.Option(help="Of the hidden layers; the output layer fits the cost.")] = "sigmoid",
    cost: Annotated[
        str, typer.Option(help="squared_error, half_squared_error, cross_entropy or softmax_cross_entropy.")
    ] = "cross_entropy",
    epochs: Annotated[int, typer.Option(min=1, help="How often every example is seen.")] = 10,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Examples per step: 10 by default, all where there are fewer.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="The learning rate; each optimizer has a usual one.")] = None,
    optimizer: Annotated[str, typer.Option(help="How gradients become steps, such as sgd or adam.")] = "sgd",
    l2: Annotated[float, typer.Option(min=0, help="Strength of the pull of all weights towards 0.")] = 0.0,
    init: Annotated[
        str, typer.Option(help="How the first weights are drawn: suited, large, scaled, glorot or he.")
    ] = "suited",
    seed: Seed = 0,
    test_share: Annotated[float, typer.Option(help="Of a file: the share of its rows kept for judging.")] = 0.2,
    save: Annotated[Path | None, typer.Option(metavar="MODEL.safetensors", help="Save the trained network.")] = None,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Train a network that tells classes apart, on digits or on your own file."""
    from whygrad.cli.train import Choices, run

    run(
        Choices(data, hidden, activation, cost, epochs, batch_size, rate, optimizer, l2, init, seed, test_share),
        save,
        report,
        as_json,
    )


@app.command()
@_examples(
    'whygrad explain neuron.py:cost --at "a=0.6, w=1.5, b=-0.4, y=1" --wrt w',
    'whygrad explain net.py:loss --at "W=[[1,2],[3,4]]" --wrt "W[0,1]"',
    "whygrad explain digits.safetensors --weight 1,0,300 --example 7",
)
@answers
def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:FUNCTION|MODEL",
            help="A function in a file of yours, which is run for it; or a saved network.",
        ),
    ],
    at: Annotated[str, typer.Option(help="Of a function: its arguments, as in a call.")] = "",
    wrt: Annotated[
        str | None,
        typer.Option(help="Of a function: the value to explain, by name or number, or one element: 'W[0,1]'."),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            metavar="L,J,K", help="Of a network: the weight from neuron K of layer L-1 to neuron J of layer L."
        ),
    ] = None,
    bias: Annotated[
        str | None, typer.Option(metavar="L,J", help="Of a network: the bias of neuron J of layer L.")
    ] = None,
    data: Data = "digits",
    example: Example = 0,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write it as a page with formulas.")] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print it as LaTeX.")] = False,
    as_json: AsJson = False,
) -> None:
    """Why a gradient has the value it has: every factor, every path, their sum."""
    from whygrad.cli.explain import run

    run(what, at, wrt, weight, bias, data, example, html, latex, as_json)


@app.command()
@_examples(
    "whygrad worksheet 2-2-1 --seed 3 --out sheet.html --key",
    "whygrad worksheet chain --out answers.md",
    "whygrad worksheet list",
)
@answers
def worksheet(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="chain, 1-1, 2-2-1, 2-2-2, cross-entropy, ...; 'list' names them all.")
    ],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed gives other numbers.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=50, help="How many exercises.")] = 1,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write .html or .tex to print, .md or .json to fill in."),
    ] = None,
    key: Annotated[bool, typer.Option("--key", help="With the answers, every step of them.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Print it as LaTeX.")] = False,
    as_json: AsJson = False,
) -> None:
    """A derivation to do by hand, with easy numbers; `whygrad check` grades the filled-in file."""
    from whygrad.cli.worksheet import run

    run(kind, seed, count, out, key, latex, as_json)


@app.command()
@_examples(
    "whygrad check backprop.py",
    "whygrad check worksheet.md",
)
@answers
def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A Python file that defines f, args and mine (or network, x, y and mine) and is run for it; "
            "or a filled-in worksheet, .json or .md.",
        ),
    ],
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write the verdict as a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Is your derivation right? Every step is judged. Exit code 0: all right, 1: a step is wrong, 2: bad input."""
    from whygrad.cli.check import run

    run(file, html, as_json)


@app.command()
@_examples(
    "whygrad predict digits.safetensors",
    "whygrad predict digits.safetensors --data mnist --rows 0",
)
@answers
def predict(
    model: Model,
    data: Data = "digits",
    rows: Annotated[int, typer.Option(min=0, help="How many predictions to print.")] = 10,
    as_json: AsJson = False,
) -> None:
    """What a saved network says about the test examples, and how often it is right."""
    from whygrad.cli.predict import run

    run(model, data, rows, as_json)


@app.command()
@_examples(
    "whygrad equations digits.safetensors --example 7",
)
@answers
def equations(model: Model, data: Data = "digits", example: Example = 0, as_json: AsJson = False) -> None:
    """The four equations of backpropagation, both sides of each, on one example of your data."""
    from whygrad.cli.equations import run

    run(model, data, example, as_json)


@app.command()
@_examples(
    "whygrad diagnose digits.safetensors --data digits",
    "whygrad diagnose model.safetensors --data x.csv --rate 0.5 --html why.html",
)
@answers
def diagnose(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A network saved by `whygrad train --save`, or an ONNX model.")
    ],
    data: Data = "digits",
    rate: Annotated[
        float | None, typer.Option(help="A learning rate to judge: steps of several lengths are tried.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, help="How many examples are looked at, at most.")] = 1000,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write it as a page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Why a model does not learn: what is measured layer by layer, what is wrong, and what to try."""
    from whygrad.cli.diagnose import run

    run(model, data, rate, examples, html, as_json)
