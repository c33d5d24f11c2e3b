import contextlib
import json
import os

import numpy as np
import pytest
from safetensors.numpy import save_file

import whygrad as wg
from whygrad.errors import ArgumentError, DataError

NET = wg.Network([3, 4, 2], ["relu", "softmax"], "softmax_cross_entropy", seed=7)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.safetensors"
    NET.save(path)
    return path


def test_a_network_comes_back_as_it_was(file, rng):
    X = rng.normal(size=(5, 3))
    again = wg.Network.load(file)
    assert repr(again) == repr(NET)
    assert np.array_equal(again.predict(X), NET.predict(X))
    assert again.seed == 7
    again.fit(X, [0, 1, 1, 0, 1], epochs=1, progress=False)
    again.weights[0][...] = 1  # writable


def test_a_saved_network_trains_on_like_the_original(file, rng):
    X, Y = rng.normal(size=(5, 3)), [0, 1, 1, 0, 1]
    original = wg.Network([3, 4, 2], ["relu", "softmax"], "softmax_cross_entropy", seed=7)
    for net in (original, again := wg.Network.load(file)):
        net.fit(X, Y, epochs=2, batch_size=2, progress=False)
    assert np.array_equal(original.weights[0], again.weights[0])


def test_saving_leaves_nothing_but_the_file(file):
    NET.save(str(file))
    assert [p.name for p in file.parent.iterdir()] == ["net.safetensors"]


def test_a_failed_save_keeps_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"can not be written\n.*\n.*no space left"):
        wg.Network([3, 1]).save(file)
    assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir()] == ["net.safetensors"]


def test_functions_of_the_users_are_not_saved(tmp_path):
    def bend(z):
        return z + 0.1 * z**2

    for net, what in ((wg.Network([2, 1], bend), "activation bend of layer 1, a function of your own"),
                      (wg.Network([2, 1], cost=lambda a, y: np.sum(a - y)), "cost <lambda>")):
        with pytest.raises(ArgumentError, match=what):
            net.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


def test_saving_into_a_missing_folder_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match="can not be written"):
        NET.save(tmp_path / "nowhere" / "net.safetensors")


def test_a_file_cut_off_anywhere_is_refused(file):
    content = file.read_bytes()
    for size in (0, 1, 7, 8, 9, 60, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:size])
        with pytest.raises(DataError, match="is not a whole safetensors file"):
            wg.Network.load(file)


def test_flipped_bytes_give_a_network_or_a_data_error(file, rng):
    content = bytearray(file.read_bytes())
    for _ in range(200):
        damaged = content.copy()
        damaged[rng.integers(len(content))] = rng.integers(256)
        file.write_bytes(damaged)
        with contextlib.suppress(DataError):
            assert np.isfinite(wg.Network.load(file).weights[0]).all()


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        wg.Network.load(tmp_path / "none.safetensors")
    with pytest.raises(DataError, match="is not a whole safetensors file"):
        wg.Network.load(tmp_path)


def good():
    tensors = {f"{n}{l}": np.array(a) for n, arrays in zip("Wb", NET.parameters, strict=True)
               for l, a in enumerate(arrays, start=1)}
    return tensors, dict(sizes=[3, 4, 2], activations=["relu", "softmax"], cost="softmax_cross_entropy",
                         dtype="float32", seed=7, version=1)


@pytest.mark.parametrize("change", [
    dict(sizes=[3, 10**12, 2]), dict(sizes=[3, -4, 2]), dict(sizes="342"), dict(sizes=None), dict(sizes=[]),
    dict(sizes=[3.0, 4.5, 2]), dict(activations=["relu"]), dict(activations=["relu", "os.system"]), dict(activations=3),
    dict(activations=[["relu"], "softmax"]), dict(cost="eval"), dict(cost=["x"]), dict(cost={}), dict(dtype="float64"),
    dict(dtype="object"), dict(seed="1"), dict(seed=-1), dict(seed=True), dict(version=2), dict(version=None),
    dict(cost="cross_entropy", activations=["relu", "relu"]), dict(activations=["relu", "sigmoid"]),
])
def test_a_file_that_lies_about_itself_is_refused(tmp_path, change):
    tensors, description = good()
    path = tmp_path / "net.safetensors"
    save_file(tensors, path, {"format": "whygrad-network", "network": json.dumps(description | change)})
    with pytest.raises(DataError, match="does not hold a whygrad network"):
        wg.Network.load(path)


@pytest.mark.parametrize("network", ["", "[1", "{}", "3", "[]", "null", "[" * 100_000, '{"version": 1}'])
def test_a_description_that_is_none_is_refused(tmp_path, network):
    path = tmp_path / "net.safetensors"
    save_file(good()[0], path, {"format": "whygrad-network", "network": network})
    with pytest.raises(DataError, match="does not hold a whygrad network"):
        wg.Network.load(path)


def test_other_arrays_than_the_networks_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    tensors, description = good()
    about = {"format": "whygrad-network", "network": json.dumps(description)}
    for changed in (
        {"W1": tensors["W1"]},
        tensors | {"extra": np.ones(1, np.float32)},
        tensors | {"W1": tensors["W1"].T.copy()},
        tensors | {"b1": np.array([1, np.nan, 1, 1], np.float32)},
        tensors | {"b1": np.ones(4, np.int32)},
    ):
        save_file(changed, path, about)
        with pytest.raises(DataError, match="does not hold a whygrad network"):
            wg.Network.load(path)
    save_file(tensors, path, {"format": "other"})
    with pytest.raises(DataError, match="format is 'other'"):
        wg.Network.load(path)
    save_file(tensors, path)
    with pytest.raises(DataError, match="format is None"):
        wg.Network.load(path)
