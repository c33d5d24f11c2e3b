"""Which weight of a layer to show as an example of what is wrong with the layer, and on which example."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whygrad.diagnosis.records import Array, LayerRecord, Record


def typical_weight(record: Record, place: int, units: Sequence[int] | None = None) -> tuple[int, int, int] | None:
    """(place, j, k) of the weight whose gradient is the median of those that are not 0, among ``units`` if given.

    Where all are 0, the first of the units and the input that is largest on average.
    """
    layer = record.layers[place]
    rows = list(range(layer.units)) if units is None else list(units)
    if layer.weight is None or not rows or not layer.weight.size:
        return None
    j, k = _median(layer, rows) or (rows[0], _strongest_input(layer))
    return place, j, k


def typical_example(pushes: Array) -> int:
    """The example whose push on a weight is the median of those that are not 0; ``pushes``: a size for each example."""
    order = np.argsort(pushes, kind="stable")
    pushing = order[pushes[order] > 0]
    at = pushing if len(pushing) else order
    return int(at[(len(at) - 1) // 2])


def _median(layer: LayerRecord, rows: Sequence[int]) -> tuple[int, int] | None:
    if layer.weight_gradient is None:
        return None
    sizes = np.abs(layer.weight_gradient[rows].astype(float))
    moving = np.flatnonzero(np.isfinite(sizes) & (sizes > 0))
    if not len(moving):
        return None
    order = moving[np.argsort(sizes.ravel()[moving], kind="stable")]
    row, k = np.unravel_index(order[(len(order) - 1) // 2], sizes.shape)
    return rows[int(row)], int(k)


def _strongest_input(layer: LayerRecord) -> int:
    if layer.inputs is None or not layer.inputs.size:
        return 0
    return int(np.argmax(np.mean(np.abs(layer.inputs.astype(float)), axis=0)))
