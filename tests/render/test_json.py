"""Explanations as data."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from tests.render.examples import MAKERS, everything

from whygrad.render.json import explanation_dict

NAMES = [make.__name__ for make in MAKERS]
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "explanation-schema.json").read_text(encoding="utf-8"))
NUMBERS = {"integer": int, "number": (int, float)}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)} | NUMBERS


def faults(data: Any, schema: dict[str, Any], at: str = "$") -> list[str]:
    """Where data departs from a schema: the part of JSON Schema that ours uses."""
    if "$ref" in schema:
        return faults(data, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        return (
            [] if any(not faults(data, one, at) for one in schema["anyOf"]) else [f"{at}: {data!r} fits no alternative"]
        )
    if "const" in schema and data != schema["const"]:
        return [f"{at}: {data!r} is not {schema['const']!r}"]
    if "enum" in schema and data not in schema["enum"]:
        return [f"{at}: {data!r} is none of {schema['enum']}"]
    if "type" in schema and not isinstance(data, TYPES[schema["type"]]):
        return [f"{at}: {data!r} is no {schema['type']}"]
    found = [f"{at}: {key} is missing" for key in schema.get("required", ()) if key not in data]
    if isinstance(data, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        for key, value in data.items():
            if key in known:
                found += faults(value, known[key], f"{at}.{key}")
            elif isinstance(others, dict):
                found += faults(value, others, f"{at}.{key}")
            elif not others:
                found.append(f"{at}: {key} is not in the schema")
    if isinstance(data, list) and "items" in schema:
        found += [fault for i, value in enumerate(data) for fault in faults(value, schema["items"], f"{at}[{i}]")]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_explanation_is_strict_json_and_follows_the_schema(name):
    data = explanation_dict(everything()[name], 10)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert not faults(data, SCHEMA)


def test_the_check_notices_what_departs_from_the_schema():
    data = explanation_dict(everything()["neuron"], 10)
    assert faults(data | {"cost": "a lot"}, SCHEMA)
    assert faults(data | {"more": 1}, SCHEMA)
    assert faults({key: value for key, value in data.items() if key != "of"}, SCHEMA)
    assert faults(data | {"version": 2}, SCHEMA)


def test_numbers_keep_every_digit():
    data = explanation_dict(everything()["neuron"], 10)
    assert data["value"] == everything()["neuron"].value
    assert math.isclose(math.prod(factor["value"] for factor in data["factors"]), data["value"], rel_tol=1e-15)


def test_what_is_not_a_number_is_a_string():
    assert explanation_dict(everything()["not_a_number"], 10)["value"] == "NaN"


def test_an_array_has_nested_lists_and_no_paths():
    data = explanation_dict(everything()["array"], 10)
    assert data["paths"] is None
    assert [len(row) for row in data["value"]] == [2, 2]


def test_as_many_paths_are_listed_as_were_asked_for():
    data = explanation_dict(everything()["batch"], 3)
    assert data["paths"]["count"] == 20
    assert [path["value"] for path in data["paths"]["strongest"]] == [p.value for p in everything()["batch"].paths(3)]


def test_a_program_of_hundreds_of_values_stays_small():
    data = explanation_dict(everything()["deep"], 10)
    assert list(data["dependencies"]) == ["ws[0]"]
    assert len(json.dumps(data)) < 400_000


def test_the_case_of_a_networks_neuron_is_told_and_null_elsewhere():
    case = explanation_dict(everything()["hidden_neuron"], 10)["case"]
    assert [(b["condition"]["text"], b["applies"]) for b in case["branches"]] == [
        ("output layer, l = 2", False), ("hidden layer, l < 2", True)]
    assert case["by"]["text"] == "a^1_11"
    assert explanation_dict(everything()["golden"], 10)["case"] is None
