"""What is said of the seconds: statistics, verdicts, JSON, the page. No test here measures anything."""

import math
from dataclasses import replace

import pytest
from benchmarks import acceptance, console, page, plots, stats
from benchmarks.driver import Measured, grouped
from benchmarks.results import Report, load
from benchmarks.workloads.registry import WORKLOADS


@pytest.fixture
def report():
    def row(**seconds):
        return {name.replace("_", " "): Measured({"step": times}, notes={"peak_mb": 50.0})
                for name, times in seconds.items()}

    def grown(size):
        ours = {"value": 1e-8, "gradient": 3e-8, "forward": 4e-8}
        theirs = {"value": 1e-8, "gradient": 2e-8}
        return {name: Measured({call: [size * each] * 3 for call, each in calls.items()})
                for name, calls in {"whygrad eager": ours, "JAX jit": theirs}.items()}

    fitted = {"accuracy": 0.95, "epochs": 30, "source": "digits"}
    rows = {
        "train-tiny": row(whygrad_native=[1e-6, 2e-6, 1e-6], JAX_scan=[4e-6, 6e-6, 4e-6], PyTorch_eager=[1e-5] * 3)
        | {"tinygrad": Measured(left_out="its CPU device needs clang")},
        "train-large": row(whygrad_native=[1.0, 1.0, 1.0], JAX_scan=[0.5, 0.5, 0.5]),
        "fit-mnist": {"whygrad native": Measured({"fit": [3.0]}, notes=fitted),
                      "NumPy by hand": Measured({"fit": [9.0]}, notes=fitted)},
    } | {w.name: grown(w.size) for w in WORKLOADS.values() if w.family == "weights"}
    machine = dict(processor="a processor", cores=2, memory_gb=8, caches="L1 32K", system="Linux", python="3",
                   numpy_blas="a BLAS", packages={"numpy": "2"})
    peak = {"gflops": 200.0, "how": "multiply-adds", "numpy_matmul_gflops": 150.0}
    first = {"whygrad native": {"import": [0.1], "cold": [3.0], "cached": [0.2]}}
    return Report(machine, peak, "2026-01-01", {}, rows, first,
                  {"plain": {"mb": 100.0, "seconds": 1.0}, "checkpoint": {"mb": 10.0, "seconds": 1.5}},
                  {"Σ' 30": {"Hadamard": 1e-6, "matrix": 2e-6}, "explanations": {"one": 0.5}},
                  {"train-wider": dict(threads=2, seconds=1e-4, products=8e-5, numbers=1e-5, waiting=6e-6, outside=4e-6,
                                       operations=8e6, peak=2e11)})


def of(report, what):
    return next(v for v in acceptance.verdicts(report) if what in v.what)


def test_a_summary_holds_median_best_and_quartiles():
    assert stats.summary([4.0, 1.0, 2.0, 3.0, 5.0]) == stats.Summary(3.0, 1.0, 2.0, 4.0)
    assert stats.summary([2.0]) == stats.Summary(2.0, 2.0, 2.0, 2.0)


def test_a_ratio_is_of_medians_and_its_spread_of_rounds():
    ratio = stats.ratio([2.0, 4.0, 40.0], [1.0, 2.0, 10.0])
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 3.0)


def test_a_gradient_is_compared_with_the_value_of_the_same_round():
    slow_and_quick = stats.paired([6.0, 20.0, 6.3, 20.0], [2.0, 7.0, 2.1, 4.0])  # medians alone: 13.2 / 3.1
    assert slow_and_quick.value == pytest.approx(3.0)


def test_the_exponent_of_a_power_is_found():
    assert stats.slope([1, 10, 100], [3 * x**1.5 for x in (1, 10, 100)]) == pytest.approx(1.5)


def test_durations_have_three_digits_and_a_unit():
    assert [console.duration(s) for s in (2.0, 0.0123, 4.5e-5, 8e-9)] == ["2 s", "12.3 ms", "45 µs", "8 ns"]


def test_a_report_read_back_is_the_one_written(report, tmp_path):
    report.save(tmp_path / "there" / "results.json")
    assert load(tmp_path / "there" / "results.json") == report


def test_the_fastest_are_found_on_both_sides(report):
    assert report.best("train-tiny", "step", ours=True) == "whygrad native"
    assert report.best("train-tiny", "step", ours=False) == "JAX scan"
    assert report.against("train-tiny", "step").value == 4.0
    assert report.against("train-tiny", "step", "PyTorch eager").value == pytest.approx(10.0)
    assert report.against("train-wider", "step") is None


def test_targets_are_met_missed_or_not_measured(report):
    assert of(report, "2-16-16-1 tanh, batch 32, against the best peer").word == "PASS"
    assert of(report, "2-16-16-1 tanh, batch 32, against PyTorch eager").word == "short of target"
    assert of(report, "784-100-10 sigmoid, batch 32, against the best peer").word == "not measured"
    assert of(report, "share of the measured peak").met is False
    assert of(report, "loop, cold").met is False
    assert of(report, "loop, cached").met is True
    assert of(report, "exponent").met is True
    assert of(report, "1e+05 weights").measured.startswith("3.00")
    assert [v.met for v in acceptance.whole_run(report)] == [True, True]


def test_every_faster_peer_is_named(report):
    found = acceptance.behind(report)
    assert any("batch 1024, step: JAX scan takes 0.50" in line for line in found)
    assert not any("2-16-16-1" in line for line in found)


def test_the_page_holds_every_section_and_its_links(report, tmp_path):
    drawn = plots.draw(report, tmp_path)
    assert drawn == ["speed", "growth", "price", "reverse"]
    assert all((tmp_path / f"{name}.svg").read_text().count("<svg") == 1 for name in drawn)
    text = "\n".join(page.text(report, drawn))
    for heading in ("Targets", "Where a peer is faster", "Training steps", "A whole training run", "Hadamard",
                    "What bounds whygrad", "The price of a gradient", "The first call", "Memory", "Left out"):
        assert f"\n## {heading}" in text, heading
    assert "its CPU device needs clang" in text
    assert "| 784-100-10 sigmoid, batch 32 | 2 | 100 µs | 80% | 50% | 10% | 6% | 4% |" in text
    assert "nan" not in text


def test_a_share_of_more_than_the_peak_is_not_shown(report):
    seen = report.profiles["train-wider"] | {"peak": 5e10}  # another program had a core when it was measured
    text = "\n".join(page.text(replace(report, profiles={"train-wider": seen}), []))
    assert "| 784-100-10 sigmoid, batch 32 | 2 | 100 µs | 80% |  | 10% | 6% | 4% |" in text


def test_the_end_of_a_run_says_what_is_short_and_where_a_peer_is_faster(report):
    text = console.ending(report)
    assert "short of target" in text
    assert "where a peer is faster" in text
    assert not math.isnan(report.median("train-tiny", "JAX scan", "step"))
    assert "left out: tinygrad" in console.row_table(report, "train-tiny")


def test_rows_of_a_family_share_their_processes():
    groups = grouped(WORKLOADS.values())
    assert sum(row.family == "weights" for row in next(g for g in groups if g[0].family == "weights")) == 6
    assert all(len({row.group for row in group}) == 1 for group in groups)


def test_rows_measured_again_take_the_place_of_the_earlier_ones_and_the_page_says_so(report):
    later = replace(report, when="2030-01-02", rows={"train-tiny": report.rows["train-large"]})
    both = report.with_again(later)
    assert both.rows["train-tiny"] is report.rows["train-large"]
    assert set(both.rows) == set(report.rows)
    assert "Measured again, in a run of their own, after a mistake was mended:** train-tiny (2030-01-02)" in "\n".join(
        page.text(both, [])
    )
