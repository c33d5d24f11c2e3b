"""``whygrad diagnose``: a verdict in the terminal, as JSON and as a page; broken input ends in one message."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import whygrad as wg
from whygrad.cli import main


@pytest.fixture
def whygrad(folder, monkeypatch, capsys):
    """Runs the command line in the folder: its exit code, and what it printed."""

    def run(*words):
        monkeypatch.chdir(folder)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "argv", ["whygrad", *map(str, words)])
        return main(), capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("diagnose")
    wg.Network([784, *[30] * 4, 10], "sigmoid", init="scaled").save(made / "deep.safetensors")
    rng = np.random.default_rng(0)
    np.savez(made / "x.npz", X=rng.uniform(0, 1, (100, 784)), y=np.arange(100) % 10)
    (made / "notes.txt").write_text("no model")
    (made / "broken.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0{broken")
    return made


def test_the_verdict_is_the_first_line(folder, whygrad):
    code, said = whygrad("diagnose", "deep.safetensors", "--data", "x.npz", "--html", "why.html")
    assert code == 0
    assert said.out.startswith("Vanishing gradients: layer 1")
    assert "The page: why.html" in said.out
    page = (folder / "why.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "Vanishing gradients" in page
    assert "<script" not in page


def test_json_is_one_document(whygrad):
    _, said = whygrad("diagnose", "deep.safetensors", "--data", "x.npz", "--rate", "0.5", "--json")
    data = json.loads(said.out)
    assert data["findings"][0]["id"] == "vanishing-gradients"
    assert data["examples"] == 100
    assert data["trial_steps"][0][0] == 0.001


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("notes.txt",), "is neither a saved network nor an ONNX model"),
        (("missing.safetensors",), "missing.safetensors"),
        (("broken.safetensors",), "broken.safetensors"),
        (("deep.safetensors", "--data", "missing.npz"), "missing.npz"),
        (("deep.safetensors", "--data", "x.npz", "--rate", "-1"), "learning_rate=-1.0"),
        (("deep.safetensors", "--data", "x.npz", "--html", "nowhere/why.html"), "can not be written"),
    ],
)
def test_bad_input_is_one_message_and_no_file(words, says, folder, whygrad):
    before = set(folder.iterdir())
    code, said = whygrad("diagnose", *words)
    assert code == 1
    assert said.out == ""
    assert says in said.err
    assert "Traceback" not in said.err
    assert set(folder.iterdir()) == before


@pytest.mark.peers("onnx")
def test_an_onnx_model_is_diagnosed_on_arrays_of_any_shape(folder, whygrad, tmp_path):
    net = wg.Network([3, 4, 2], ["tanh", "identity"], cost="half_squared_error", seed=0)
    net.to_onnx(tmp_path / "net.onnx")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "targets.npz", X=rng.normal(size=(50, 3)), Y=rng.normal(size=(50, 2)))
    np.savez(tmp_path / "inputs.npz", inputs=rng.normal(size=(50, 3)))
    np.savez(tmp_path / "nothing.npz", weights=np.ones(3))
    code, said = whygrad("diagnose", tmp_path / "net.onnx", "--data", tmp_path / "targets.npz")
    assert code == 0, said
    assert "50 examples" in said.out
    code, said = whygrad("diagnose", tmp_path / "net.onnx", "--data", tmp_path / "nothing.npz")
    assert code == 1
    assert "nothing.npz has no inputs" in said.err
    code, said = whygrad("diagnose", tmp_path / "net.onnx", "--data", tmp_path / "inputs.npz")
    assert "Traceback" not in said.err
