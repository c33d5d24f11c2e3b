"""``whygrad check``: exit code 0 when the derivation is right, 1 when a step is wrong, 2 on bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from whygrad.cli.app import app

FILE = """
import numpy as np
print("a greeting from the learner's file")

def f(w, x, y):
    a = np.tanh(w * x)
    return (a - y) ** 2

args = (0.5, 2.0, 0.1)

def mine(w, x, y):
    a = np.tanh(w * x)
    d_a = 2 * (a - y)
    return {"a": d_a, "w": d_a * (1 - a**2) * x SLIP}
"""
NETWORK = """
import numpy as np
import whygrad as wg

network = wg.Network([2, 1], cost="half_squared_error", dtype="float64", seed=3)
x, y = np.array([0.5, -1.0]), np.array([1.0])

def mine(network, x, y):
    a = network.predict(x)
    delta = (a - y) * a * (1 - a)
    return {"delta1": delta, "W1": np.outer(delta, x), "b1": delta}
"""


def check(*words, code):
    result = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["check", *map(str, words)], prog_name="whygrad")
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "backprop.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_right_derivation_is_answered_with_0(file):
    assert "Right" in check(file(FILE.replace("SLIP", "")), code=0).stdout


def test_a_wrong_one_is_answered_with_1_and_the_mistake(file):
    assert "The sign of ∂C/∂w is wrong." in check(file(FILE.replace("SLIP", "* -1")), code=1).stdout


def test_a_network_and_ones_own_equations_can_be_checked(file):
    assert "Right" in check(file(NETWORK), code=0).stdout


def test_json_is_all_there_is_on_stdout_and_a_page_is_written(file, tmp_path):
    made = check(file(FILE.replace("SLIP", "")), "--json", "--html", tmp_path / "page.html", code=0)
    assert json.loads(made.stdout)["right"] is True
    assert "<!doctype html>" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", "defines no f"),
        ("f = 3\nargs = ()\nmine = {}", "not a function"),
        ("def f(x): return x\nargs = (1.0,)", "defines no mine"),
        ("1 / 0", "stopped with ZeroDivisionError"),
        ("def f(x): return x**2\nargs = (1.0,)\nmine = {'q': 1}", "no value called 'q'"),
    ],
)
def test_bad_input_is_answered_with_2(file, text, words):
    assert words in check(file(text), code=2).stderr


def test_a_file_that_is_not_there_or_neither_python_nor_a_worksheet_is_answered_with_2(tmp_path):
    assert "does not exist" in check(tmp_path / "none.py", code=2).stderr
    (tmp_path / "notes.txt").write_text("2 + 2", encoding="utf-8")
    assert "neither a Python file nor a worksheet" in check(tmp_path / "notes.txt", code=2).stderr


def test_the_page_is_never_written_over_the_file_that_was_given(file):
    path = file(FILE.replace("SLIP", ""))
    before = path.read_text(encoding="utf-8")
    assert "would be lost" in check(path, "--html", path, code=2).stderr
    assert path.read_text(encoding="utf-8") == before


def test_a_device_is_not_replaced_by_a_page(file):
    assert "can not be written" in check(file(FILE.replace("SLIP", "")), "--html", "/dev/null", code=2).stderr


def test_a_terminal_without_the_signs_gets_question_marks_and_the_verdict(file):
    path = file(FILE.replace("SLIP", ""))
    command = [sys.executable, "-m", "whygrad", "check", str(path)]
    said = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}, check=False)
    assert said.returncode == 0, said.stderr
    assert b"Right: " in said.stdout
