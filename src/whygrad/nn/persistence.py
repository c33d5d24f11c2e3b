"""Networks on disk, as safetensors: arrays and names, nothing that could be executed."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whygrad.errors import ArgumentError, DataError, WhygradError
from whygrad.nn.activations import ACTIVATIONS
from whygrad.nn.costs import COSTS
from whygrad.nn.layers import Architecture, Parameters, architecture

FORMAT = "whygrad-network"
VERSION = 1

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Stored:
    """What a file holds, checked."""

    architecture: Architecture
    seed: int
    weights: list[Floats]
    biases: list[Floats]


def save(path: str | os.PathLike[str], model: Architecture, parameters: Parameters, seed: int) -> None:
    """Write the network to a file, as ``Network.save``."""
    own = [f"activation {s.name} of layer {l}" for l, s in enumerate(model.activations, start=1) if s.own]
    own += [f"cost {model.cost.name}"] if model.cost.own else []
    if own:
        raise ArgumentError(f"a file can not hold the {own[0]}, a function of your own",
                            why="a file that holds code would run it when it is loaded",
                            try_="np.savez(path, *net.weights, *net.biases), and build the network again in code")
    description = {
        "sizes": model.sizes,
        "activations": [s.name for s in model.activations],
        "cost": model.cost.name,
        "dtype": model.dtype.name,
        "seed": seed,
        "version": VERSION,
    }
    write_whole(path_of(path), _bytes(parameters, {"format": FORMAT, "network": json.dumps(description)}))


def path_of(given: Any) -> Path:
    """The path of a file that a user gave."""
    try:
        return Path(given)
    except TypeError as error:
        raise ArgumentError(f"{given!r} is not the path of a file", try_='"model.safetensors"') from error


def _bytes(parameters: Parameters, metadata: dict[str, str]) -> bytes:
    from safetensors.numpy import save as packed

    tensors = {f"{name}{l}": np.ascontiguousarray(array)
               for name, arrays in zip("Wb", parameters, strict=True) for l, array in enumerate(arrays, start=1)}
    return packed(tensors, metadata)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file beside the target, then put it in the target's place: never half a file under that name."""
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except (OSError, ValueError) as error:
        raise DataError(f"{target} can not be written", why=str(error), try_="a folder that exists") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's files are their owner's alone
        Path(temporary).replace(target)
    except OSError as error:
        raise DataError(f"{target} can not be written", why=str(error)) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> Stored:
    """Read and check a file; whatever is wrong with it is one DataError."""
    from safetensors import SafetensorError, safe_open

    file = path_of(path)
    try:
        with safe_open(file, framework="numpy") as stored:
            metadata = stored.metadata() or {}
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # no mapping
    except (OSError, SafetensorError, ValueError, TypeError, AttributeError, KeyError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise DataError(f"{file} {'does not exist' if missing else 'is not a whole safetensors file'}", where=str(file),
                        why=str(error), try_="the file that net.save wrote") from error
    try:
        return _checked(metadata, tensors)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        why = error.what if isinstance(error, WhygradError) else str(error)
        raise DataError(f"{file} does not hold a whygrad network", where=str(file), why=why,
                        try_="the file that net.save wrote") from None


def _checked(metadata: dict[str, str], tensors: dict[str, Floats]) -> Stored:
    if metadata.get("format") != FORMAT:
        raise ValueError(f"its format is {metadata.get('format')!r}, not {FORMAT!r}")
    described = json.loads(metadata["network"])
    if described["version"] != VERSION:
        raise ValueError(f"its version is {described['version']!r}; this whygrad reads version {VERSION}")
    sizes, names = tuple(described["sizes"]), tuple(described["activations"])
    cost, dtype, seed = described["cost"], described["dtype"], described["seed"]
    if dtype not in ("float32", "float64") or cost not in COSTS or type(seed) is not int or seed < 0:
        raise ValueError(f"cost {cost!r}, dtype {dtype!r} and seed {seed!r} are not all known")
    whole = all(type(n) is int for n in sizes)
    if not whole or len(sizes) < 2 or len(names) != len(sizes) - 1 or not set(names) <= ACTIVATIONS.keys():
        raise ValueError(f"activations {names} and sizes {sizes} do not make a network")
    layers = range(1, len(sizes))
    needed: dict[str, tuple[int, ...]] = {f"W{l}": (sizes[l], sizes[l - 1]) for l in layers}
    needed |= {f"b{l}": (sizes[l],) for l in layers}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != needed:
        raise ValueError(f"its arrays are {found}; sizes {sizes} need {needed}")
    for name, tensor in tensors.items():
        if tensor.dtype.name != dtype or not np.isfinite(tensor).all():
            raise ValueError(f"{name} is not finite {dtype}")
    model = architecture(sizes, names, cost, np.dtype(dtype))
    # copies, to be written to; columns side by side: see initializers.first_parameters
    return Stored(model, seed, [np.array(tensors[f"W{l}"], order="F") for l in layers],
                  [np.array(tensors[f"b{l}"]) for l in layers])
