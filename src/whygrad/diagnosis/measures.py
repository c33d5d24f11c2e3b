"""Everything that is measured of a record, together: what the findings judge."""

from __future__ import annotations

from dataclasses import dataclass

from whygrad.diagnosis.measure import LayerMeasures, measured
from whygrad.diagnosis.measure_data import DataMeasures, data_measured
from whygrad.diagnosis.records import LayerRecord, Record

LEARNED = 0.5  # of what the best constant answer costs: a model that has got rid of so much of it does learn


@dataclass(frozen=True, eq=False)
class Measures:
    """A record and its numbers: ``layers[i]`` of ``record.layers[i]``, and ``data`` of the examples and the cost."""

    record: Record
    layers: tuple[LayerMeasures, ...]
    data: DataMeasures

    @property
    def learns(self) -> bool:
        """Whether the model has learned most of what there is: then what looks slow may just be finished."""
        return self.data.learned is not None and self.data.learned > LEARNED

    @property
    def trained(self) -> bool:
        """Whether training steps are known to have been made."""
        return bool(self.record.steps)

    @property
    def last(self) -> LayerRecord:
        """The layer nearest to the cost."""
        return self.record.layers[-1]

    def hidden(self) -> list[int]:
        """The places of all layers but the last."""
        return list(range(len(self.record.layers) - 1))


def measure(record: Record) -> Measures:
    """All numbers of a record."""
    return Measures(record, measured(record), data_measured(record))
