"""Repeat experiments of Nielsen's "Neural Networks and Deep Learning" on the full MNIST, and write down what came out.

    python scripts/reproduce_book.py [--processes 2] [--data FOLDER] [--reference FOLDER] [--seeds 5] [--draw]

Writes docs/book/results.json, the plots beside it and the page docs/book.md; with ``--draw`` plots and page alone, from
the results that are there. ``--data``: MNIST's four IDX files; without them $WHYGRAD_DATA, else a download.
``--reference``: the book's own curves, overfitting.json and regularized.json of its code repository.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # matrices this small gain nothing from threads

import numpy as np

import whygrad as wg

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SHARED = ROOT.parent / "shared" / "data"
DIGITS = {  # chapters 1 and 3: cost, learning rate, the book's best epoch in percent
    "half_squared_error": (3.0, 95.42),
    "cross_entropy": (0.5, 95.49),
}
L2 = {"overfitting": 0.0, "regularized": 0.1}  # λ of the book's two runs
SPEED_SEEDS = 11
CURVES = ("evaluation_cost", "evaluation_accuracy", "training_cost", "training_accuracy")


def digits_run(cost: str, seed: int) -> dict[str, Any]:
    """784-30-10, batch 10, 30 epochs on the first 50,000 images; accuracy on the 10,000 test images."""
    data = wg.datasets.mnist().with_validation(10_000)
    net = wg.Network([784, 30, 10], cost=cost, init="large", seed=seed)
    history = net.fit(data.train_images, data.train_targets, epochs=30, batch_size=10, learning_rate=DIGITS[cost][0],
                      validation=(data.test_images, data.test_targets), progress=False)
    return {"cost": cost, "seed": seed, "test_accuracy": percent(history.validation_accuracy),
            "training_accuracy": percent(history.accuracy), "seconds": sum(history.seconds)}


def overfitting_run(l2: float, seed: int) -> dict[str, Any]:
    """784-30-10, cross-entropy, rate 0.5, batch 10, 400 epochs on 1,000 images; judged on the 10,000 test images.

    The book adds λ/(2n) Σ w² to every cost that it shows, with n the size of the data set that the cost is taken over.
    """
    data, examples = wg.datasets.mnist(), 1000
    net = wg.Network([784, 30, 10], cost="cross_entropy", init="large", seed=seed)
    history = net.fit(data.train_images[:examples], data.train_targets[:examples], epochs=400, batch_size=10,
                      learning_rate=0.5, l2=l2, validation=(data.test_images, data.test_targets), progress=False)
    penalty, tests = np.array(history.penalty), len(data.test_labels)
    return {"l2": l2, "seed": seed, "seconds": sum(history.seconds),
            "evaluation_cost": (np.array(history.validation_cost) + penalty * examples / tests).tolist(),
            "evaluation_accuracy": percent(history.validation_accuracy),
            "training_cost": (np.array(history.cost) + penalty).tolist(),
            "training_accuracy": percent(history.accuracy)}


def speeds_run(hidden: int, seeds: int) -> dict[str, Any]:
    """How fast each layer would learn at the start (chapter 5): the median over seeds of ‖∂C/∂b^l‖ on 1,000 images."""
    data = wg.datasets.mnist()
    X, Y = data.train_images[:1000], data.train_targets[:1000]
    nets = [wg.Network([784, *[30] * hidden, 10], cost="cross_entropy", init="scaled", seed=s) for s in range(seeds)]
    speeds = np.array([net.learning_speeds(X, Y) for net in nets])
    during = nets[0].fit(X, Y, epochs=100, batch_size=len(X), learning_rate=0.1, progress=False)
    return {"hidden_layers": hidden, "speeds": np.median(speeds, axis=0).tolist(),
            "neighbors": np.median(speeds[:, 1:] / speeds[:, :-1], axis=0).tolist(),
            "last_over_first": float(np.median(speeds[:, -1] / speeds[:, 0])), "during": during.learning_speed}


def percent(shares: Any) -> list[float]:
    """Shares as percentages, without the noise of binary fractions."""
    return [round(100 * share, 4) for share in shares]


# ── the page and its plots ───────────────────────────────────────────────────────────────────────────────────────────


def book_curves(folder: Path) -> dict[str, dict[str, list[float]]]:
    """The book's own measurements, as percentages and costs; empty without the files."""
    found = {}
    for name in ("overfitting", "regularized"):
        if (folder / f"{name}.json").is_file():
            curves = dict(zip(CURVES, json.loads((folder / f"{name}.json").read_text()), strict=True))
            curves["evaluation_accuracy"] = [right / 100 for right in curves["evaluation_accuracy"]]  # of 10,000
            curves["training_accuracy"] = [right / 10 for right in curves["training_accuracy"]]  # of 1,000
            found[name] = curves
    return found


def plot(results: dict[str, Any], book: dict[str, dict[str, list[float]]], folder: Path) -> None:
    """digits.svg, overfitting.svg and speeds.svg."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "whygrad"  # the same numbers make the same file

    def save(figure: Any, name: str) -> None:
        figure.tight_layout()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    for axis, cost in zip(axes, DIGITS, strict=True):
        for run in (run for run in results["digits"] if run["cost"] == cost):
            axis.plot(range(1, 31), run["test_accuracy"], lw=1, label=f"seed {run['seed']}")
        axis.set(title=f"{cost}, rate {DIGITS[cost][0]}", xlabel="epoch", ylim=(88, 97))
    axes[0].set_ylabel("test accuracy, %")
    axes[0].legend(loc="lower right")
    save(figure, "digits")

    figure, axes = plt.subplots(2, 2, figsize=(9, 6.4), sharex=True)
    for axis, curve in zip(axes.flat, CURVES, strict=True):
        for color, (name, l2) in zip(("C3", "C0"), L2.items(), strict=True):
            for i, run in enumerate(run for run in results["overfitting"] if run["l2"] == l2):
                axis.plot(run[curve], color=color, lw=0.7, alpha=0.6, label=None if i else f"whygrad, λ = {l2:g}")
            if name in book:
                axis.plot(book[name][curve], color="black", lw=0.8, ls="-" if l2 else ":", label=f"book, λ = {l2:g}")
        axis.set(title=curve.replace("_", " ") + (", %" if "accuracy" in curve else ""), xlabel="epoch")
    axes[1, 1].legend(loc="lower right")
    save(figure, "overfitting")

    figure, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
    for axis, run in zip(axes, results["speeds"], strict=True):
        for l, speeds in enumerate(zip(*run["during"], strict=True), start=1):
            axis.semilogy(speeds, label=f"layer {l}")
        axis.set(title=f"{run['hidden_layers']} hidden layers", xlabel="epoch")
        axis.legend(fontsize="small")
    axes[0].set_ylabel("learning speed ‖∂C/∂b‖")
    save(figure, "speeds")


PAGE = """\
# The book's experiments, repeated

Michael Nielsen's [Neural Networks and Deep Learning](http://neuralnetworksanddeeplearning.com) trains small sigmoid
networks on MNIST. `python scripts/reproduce_book.py` repeats its experiments; it measured every number on this page and
drew the plots (float32, NumPy {numpy}; all numbers are in [results.json](book/results.json)).

## Digits

784-30-10, sigmoid, batches of 10, 30 epochs on the first 50,000 training images, first weights from N(0, 1)
(`init="large"`). Accuracy on the 10,000 test images, in percent, over {seeds} seeds:

| cost | rate | last epoch: median | last epoch: best | best epoch: median | best epoch: best | the book's best epoch |
|---|---|---|---|---|---|---|
{digits}

![Test accuracy by epoch, one line per seed](book/digits.svg)

## Overfitting, and what L2 does about it

784-30-10, `cross_entropy`, rate 0.5, batches of 10, 400 epochs on the first 1,000 images, first weights from N(0, 1);
without regularization and with `l2=0.1`. Accuracy on the 10,000 test images after the last epoch, in percent, over
{seeds} seeds:

| λ | lowest | median | highest | the book's run | median minus book |
|---|---|---|---|---|---|
{overfitting}

The costs in the plot include λ/(2n) Σ w² as the book's do, n being the size of the data set that each is taken over;
whygrad's `history.cost` leaves it out, and `history.penalty` holds it.

![Costs and accuracies by epoch, beside the book's own curves](book/overfitting.svg)

## Vanishing gradients

784-30-…-30-10, sigmoid, `cross_entropy`, first weights from N(0, 1/n) (`init="scaled"`). The learning speed of layer l
is ‖∂C/∂b^l‖ over the first 1,000 training images, before any training (`net.learning_speeds`); medians over
{speed_seeds} seeds. "Neighbors" is each layer's speed divided by that of the layer before it.

| hidden layers | speeds, first layer to last | neighbors | last layer over first |
|---|---|---|---|
{speeds}

Full-batch gradient descent at rate 0.1 for 100 epochs (`history.learning_speed`, seed 0):

![Learning speed of each layer during training](book/speeds.svg)
"""


def page(results: dict[str, Any]) -> str:
    """docs/book.md: every number in it comes from the results."""
    digits, overfitting, speeds = [], [], []
    for cost, (rate, said) in DIGITS.items():
        runs = [run["test_accuracy"] for run in results["digits"] if run["cost"] == cost]
        last, peak = [run[-1] for run in runs], [max(run) for run in runs]
        found = (statistics.median(last), max(last), statistics.median(peak), max(peak), said)
        digits.append(row(f"`{cost}`", rate, *(f"{x:.2f}" for x in found)))
    for name, l2 in L2.items():
        ends = [run["evaluation_accuracy"][-1] for run in results["overfitting"] if run["l2"] == l2]
        median, said = statistics.median(ends), results["book"][name]
        found = [f"{x:.2f}" for x in (min(ends), median, max(ends))]
        compared = ("not at hand", "") if said is None else (f"{said:.2f}", f"{median - said:+.2f}")
        overfitting.append(row(f"{l2:g}", *found, *compared))
    for run in results["speeds"]:
        each, neighbors = ", ".join(f"{x:.2g}" for x in run["speeds"]), ", ".join(f"{x:.1f}" for x in run["neighbors"])
        speeds += [row(run["hidden_layers"], each, neighbors, f"{run['last_over_first']:.0f}")]
    tables = {"digits": digits, "overfitting": overfitting, "speeds": speeds}
    return PAGE.format(numpy=results["numpy"], seeds=results["seeds"], speed_seeds=results["speed_seeds"],
                       **{name: "\n".join(rows) for name, rows in tables.items()})


def row(*cells: object) -> str:
    """One row of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def measure(processes: int, seeds: int) -> dict[str, Any]:
    """Everything the page shows, one experiment per process at a time."""
    curves = [(l2, seed) for l2 in L2.values() for seed in range(seeds)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        digits = pool.starmap_async(digits_run, [(cost, seed) for cost in DIGITS for seed in range(seeds)], 1)
        overfitting = pool.starmap_async(overfitting_run, curves, 1)
        speeds = pool.starmap_async(speeds_run, [(hidden, SPEED_SEEDS) for hidden in (2, 3, 4)], 1)
        found = {"numpy": np.__version__, "seeds": seeds, "speed_seeds": SPEED_SEEDS, "digits": digits.get(),
                 "overfitting": overfitting.get(), "speeds": speeds.get()}
    return dict(rounded(found))


def main() -> None:
    """Measure, or read what was measured; write results, plots and page."""
    options = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--data", type=Path, default=SHARED / "mnist")
    options.add_argument("--reference", type=Path, default=SHARED / "nielsen")
    options.add_argument("--draw", action="store_true")
    given = options.parse_args()
    if given.data.is_dir():
        os.environ.setdefault("WHYGRAD_DATA", str(given.data))
    folder = DOCS / "book"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    book = book_curves(given.reference)
    results = json.loads(file.read_text()) if given.draw else measure(given.processes, given.seeds)
    if book or not given.draw:
        results["book"] = {name: book[name]["evaluation_accuracy"][-1] if name in book else None for name in L2}
    file.write_text(json.dumps(results, separators=(",", ":")) + "\n")
    plot(results, book, folder)
    (DOCS / "book.md").write_text(page(results))
    print(f"wrote {DOCS / 'book.md'}")


def rounded(value: Any) -> Any:
    """Six significant digits: what a plot can show, at a third of the size."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


if __name__ == "__main__":
    main()
