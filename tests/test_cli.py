"""The command line: what it prints, what it leaves behind, and how it answers mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from whygrad.cli.app import app
from whygrad.nn.network import Network

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "80", "OMP_NUM_THREADS": "1"}
NEURON = """
import numpy as np
print("a greeting from the user's file")

def cost(a, w, b, y):
    z = w * a + b
    out = 1 / (1 + np.exp(-z))
    return (out - y) ** 2

def layer(W, x):
    h = np.tanh(W @ x)
    return np.sum(h**2)

def broken(a):
    return a.no_such_thing
"""


def whygrad(*words: str | Path, code: int = 0):
    """Run a command in this process; its stdout."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(app, [str(word) for word in words], prog_name="whygrad")
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def answer(*words: str | Path):
    """What a command prints as JSON: all of stdout, and no number that JSON lacks."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(whygrad(*words, "--json").stdout, parse_constant=refuse)


@pytest.fixture
def neuron(tmp_path: Path) -> Path:
    file = tmp_path / "neuron.py"
    file.write_text(NEURON, encoding="utf-8")
    return file


@pytest.fixture
def flowers(tmp_path: Path, rng: np.random.Generator) -> Path:
    kinds = ("rose", "tulip", "iris")
    rows = [f"{rng.normal(c, 0.3):.3f},{rng.normal(-c, 0.3):.3f},{kinds[c]}" for c in [0, 1, 2] * 30]
    file = tmp_path / "flowers.csv"
    file.write_text("length,width,label\n" + "\n".join(rows), encoding="utf-8")
    return file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "digits.safetensors"
    Network([784, 8, 10], cost="cross_entropy", seed=1).save(file)
    return file


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_function_in_a_file_is_explained_by_name(neuron):
    said = answer("explain", f"{neuron}:cost", "--at", "a=0.6, w=1.5, b=-0.4, y=1", "--wrt", "w")
    assert said["value"] == pytest.approx(-0.1064681504, abs=1e-10)
    assert [factor["value"] for factor in said["factors"]] == pytest.approx([-0.7550813376, 0.2350037122, 0.6])


def test_text_says_the_same_and_names_the_line_of_the_file(neuron):
    said = whygrad("explain", f"{neuron}:cost", "--at", "0.6, 1.5, -0.4, 1", "--wrt", "1").stdout
    assert "∂C/∂w = -0.1065" in said
    assert "neuron.py:6" in said
    assert "greeting" not in said
    assert max(map(len, said.splitlines())) <= 80


def test_one_element_of_an_array_is_explained(neuron):
    said = answer("explain", f"{neuron}:layer", "--at", "W=[[1,2],[3,4]], x=[0.1,0.2]", "--wrt", "W[0, 1]")
    h = np.tanh(0.5)
    assert said["value"] == pytest.approx(2 * h * (1 - h**2) * 0.2)


def test_latex_is_printed_as_it_is_and_a_page_is_written(neuron, tmp_path):
    page = tmp_path / "why.html"
    said = whygrad("explain", f"{neuron}:cost", "--at", "1,2,3,4", "--latex", "--html", page).stdout
    assert said.startswith(r"\begin{align*}")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".why")] == []


def test_a_weight_and_a_bias_of_a_saved_network_are_explained(model):
    weight = answer("explain", model, "--weight", "1,0,300", "--example", "7")
    assert weight["wrt"]["text"] == "w^1_0,300"
    assert weight["paths"]["count"] == 10
    assert np.prod([factor["value"] for factor in weight["factors"]]) == pytest.approx(weight["value"])
    assert answer("explain", model, "--bias", "2,3")["wrt"]["text"] == "b^2_3"


@pytest.mark.parametrize(("words", "said"), [
    (["--at", "a=1"], "missing a required argument: 'w'"),
    (["--at", "__import__('os')"], "can not be read"),
    (["--at", "**{'a': 1}"], "can not be read"),
    (["--at", "1,2,3,4", "--wrt", "q"], "no value called 'q'"),
    (["--at", "1,2,3,4", "--wrt", "9"], "4 numeric argument(s)"),
])  # fmt: skip
def test_arguments_that_do_not_fit_are_named(neuron, words, said):
    assert said in whygrad("explain", f"{neuron}:cost", *words, code=1).stderr


def test_a_mistake_in_the_users_file_is_told_with_its_line(neuron):
    said = whygrad("explain", f"{neuron}:broken", "--at", "1.0", code=1).stderr
    assert "no_such_thing" in said
    assert "neuron.py:15" in said


@pytest.mark.parametrize(("text", "said"), [
    ("def f(:", "SyntaxError"), ("import no_such_module", "No module named"), ("raise SystemExit(3)", "SystemExit"),
    ("", "no function called 'f'"),
])  # fmt: skip
def test_a_file_that_does_not_run_is_one_error(tmp_path, text, said):
    file = tmp_path / "broken.py"
    file.write_text(text, encoding="utf-8")
    assert said in whygrad("explain", f"{file}:f", code=1).stderr


@pytest.mark.parametrize(("words", "said"), [
    (["what"], "neither a function in a file nor a saved network"),
    (["nowhere.py:f"], "does not exist"),
    (["nowhere.safetensors", "--weight", "1,0,0"], "does not exist"),
    (["nowhere.safetensors"], "one weight or one bias"),
    (["nowhere.safetensors", "--weight", "1,0"], "is not 3 whole numbers"),
])  # fmt: skip
def test_what_can_not_be_explained_is_one_error(words, said):
    assert said in whygrad("explain", *words, code=1).stderr


# ── train, predict, equations ────────────────────────────────────────────────────────────────────────────────────────


def test_a_mistake_in_a_file_named_by_a_relative_path_is_the_users_and_not_whygrads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text("def raises(x): raise RuntimeError('boom')\ndef leaves(x): raise SystemExit(3)\n")
    Path("zero.py").write_bytes(b"\0")
    for function, said in (("raises", "RuntimeError: boom"), ("leaves", "SystemExit: 3")):
        stderr = whygrad("explain", f"own.py:{function}", "--at", "1", code=1).stderr
        assert said in stderr
        assert "own.py:" in stderr
        assert "mistake in whygrad" not in stderr
    assert "None" not in whygrad("explain", "zero.py:f", "--at", "1", code=1).stderr


def test_the_weight_of_a_function_and_a_page_that_is_a_folder_are_refused(neuron, tmp_path):
    where = (f"{neuron}:cost", "--at", "a=0.6, w=1.5, b=-0.4, y=1")
    assert "--wrt" in whygrad("explain", *where, "--weight", "1,0,0", code=1).stderr
    assert "it is a folder" in whygrad("explain", *where, "--html", tmp_path, code=1).stderr


def test_a_table_of_five_rows_is_learned_from_without_options(tmp_path):
    (tmp_path / "few.csv").write_text("a,label\n1,0\n2,1\n3,0\n4,1\n5,0\n")
    assert answer("train", tmp_path / "few.csv", "--epochs", 1)["train_examples"] == 4
    assert "--seed" in whygrad("train", tmp_path / "few.csv", "--seed", "-1", code=2).stderr


def test_a_users_table_is_learned_saved_and_predicted(flowers, tmp_path):
    saved = tmp_path / "flowers.safetensors"
    words = ["--hidden", "8", "--epochs", "60", "--rate", "1", "--seed", "3"]
    trained = answer("train", flowers, *words, "--save", saved)
    assert trained["classes"] == ["iris", "rose", "tulip"]
    assert (trained["train_examples"], trained["test_examples"]) == (72, 18)
    assert trained["test_accuracy"] > 0.8
    predicted = answer("predict", saved, "--data", flowers, "--rows", "4")
    assert predicted["examples"] == 90
    assert predicted["accuracy"] > 0.8
    assert [row["label"] for row in predicted["predictions"]] == ["rose", "tulip", "iris", "rose"]


def test_the_same_seed_trains_the_same_network(flowers):
    one, other = (answer("train", flowers, "--epochs", "2", "--seed", "5") for _ in range(2))
    assert one["history"]["cost"] == other["history"]["cost"]


def test_every_option_reaches_the_network(flowers, tmp_path):
    saved = tmp_path / "net.safetensors"
    options = "--hidden 7,5 --activation tanh --cost softmax_cross_entropy --epochs 1 --batch-size 9 --rate 0.01"
    whygrad("train", flowers, *f"{options} --optimizer adam --l2 0.1 --init glorot".split(), "--save", saved)
    net = Network.load(saved)
    assert net.sizes == (2, 7, 5, 3)
    assert [activation.name for activation in net.architecture.activations] == ["tanh", "tanh", "softmax"]


def test_the_four_equations_of_a_saved_network_hold(model):
    assert answer("equations", model, "--example", "3")["max_difference"] <= 1e-12
    assert "BP2" in whygrad("equations", model).stdout


@pytest.mark.parametrize(("words", "said"), [
    (["nowhere.csv"], "does not exist"),
    (["digits", "--hidden", "many"], "--hidden 'many' can not be read"),
    (["digits", "--activation", "sigmoit"], "activation='sigmoid'"),
    (["digits", "--optimizer", "best"], "optimizer 'best' is not known"),
    (["digits", "--report", "no/such/folder/report.html"], "does not exist"),
    (["digits", "--hidden", "0"], "0"),
])  # fmt: skip
def test_bad_choices_are_one_error_before_any_training(words, said):
    result = whygrad("train", *words, code=1)
    assert said in result.stderr
    assert not result.stdout
    assert "mistake in whygrad" not in result.stderr


@pytest.mark.parametrize(("rows", "said"), [
    ("a,b,label\n1,2,0\n1,x,1\n", "line 3"), ("a,b,label\n1,2,0\n1,nan,1\n", "line 3"),
    ("a,label\n1,0.5\n2,0.7\n3,1.5\n4,2\n", "not classes"), ("a,label\n1,0\n2,0\n3,0\n4,0\n", "1 class"),
    ("", "0 columns"), ("a,label\n1,0\n2,1\n", "needs 4 or more"),
])  # fmt: skip
def test_a_table_that_can_not_be_learned_from_is_one_error(tmp_path, rows, said):
    file = tmp_path / "table.csv"
    file.write_text(rows, encoding="utf-8")
    assert said in whygrad("train", file, code=1).stderr


def test_a_rate_that_diverges_is_told_with_its_step_and_nothing_is_saved(flowers, tmp_path):
    saved = tmp_path / "net.safetensors"
    words = ["--rate", "1e200", "--cost", "half_squared_error", "--activation", "identity", "--save", saved]
    assert "step" in whygrad("train", flowers, *words, code=1).stderr
    assert not saved.exists()


def test_a_network_that_does_not_fit_the_data_is_named(model, flowers):
    assert "784 inputs" in whygrad("predict", model, "--data", flowers, code=1).stderr
    assert "0 to 1999" in whygrad("equations", model, "--example", "2000", code=1).stderr


# ── the program as a whole ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", ["demo", "train", "explain", "predict", "equations"])
def test_help_shows_examples(command):
    said = whygrad(command, "--help").stdout
    assert f"whygrad {command} " in said
    assert max(map(len, said.splitlines())) <= 80


def test_the_command_line_itself_being_wrong_is_exit_code_2():
    whygrad("no-such-command", code=2)
    whygrad("train", "--epochs", "many", code=2)
    whygrad("train", "--epochs", "0", code=2)


def test_the_version_is_told():
    assert whygrad("--version").stdout.startswith("whygrad")


@pytest.mark.slow
def test_the_demo_reads_digits_and_all_its_checks_hold(tmp_path):
    report = tmp_path / "demo.html"
    said = answer("demo", "--report", report)
    assert said["test_accuracy"] >= 0.94
    assert all(check["holds"] for check in said["checks"])
    assert len(said["checks"]) == 3
    assert said["equations_max_difference"] <= 1e-12
    assert said["demon"]["error_ratios"][-1] == pytest.approx(4, rel=0.05)
    assert report.stat().st_size > 20_000


def run(*words: str | Path, **options) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "whygrad", *map(str, words)], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=ENVIRONMENT, **options)  # fmt: skip


@pytest.fixture
def listening():
    """Ctrl-C reaches processes that are started now, even where a shell has this one ignore it in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_ctrl_c_ends_training_with_130_and_keeps_what_was_learned(tmp_path, listening):
    saved = tmp_path / "net.safetensors"
    with run("train", "digits", "--epochs", "3000", "--save", saved) as process:
        time.sleep(8)  # on a busy machine it is still importing after 4
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert not saved.exists() or Network.load(saved).sizes == (784, 30, 10)  # it may have been too early to save


def test_a_reader_that_goes_away_ends_it_quietly(neuron):
    with run("explain", f"{neuron}:cost", "--at", "1,2,3,4") as process:
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 141


def test_stdout_that_is_no_terminal_gets_no_colours_and_no_progress_bar(flowers):
    with run("train", flowers, "--epochs", "2") as process:
        out, err = process.communicate(timeout=60)
    assert "\x1b" not in out
    assert not err
