"""Grading: points for each step, errors carried forward, rounding, likely mistakes, and files that are no answers."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from typer.testing import CliRunner

import whygrad as wg
from whygrad.checking.grade import grade_file
from whygrad.checking.ladder import LADDER
from whygrad.errors import ArgumentError, DataError, WhygradError


def key_of(sheet, exercise=0):
    return {question.blank: question.value for question in sheet.exercises[exercise].questions}


def verdicts(grade):
    return {mark.question.blank: mark.verdict for mark in grade.marks}


def mark_of(grade, blank):
    return next(mark for mark in grade.marks if mark.question.blank == blank)


def written(folder, sheet, name="answers.json", answers=None):
    data = sheet.to_dict()
    if answers is not None:
        data["exercises"][0]["answers"].update(answers)
    file = folder / name
    file.write_text(json.dumps(data), encoding="utf-8")
    return file


@pytest.mark.parametrize("kind", LADDER)
def test_the_key_gets_every_point(kind):
    sheet = wg.worksheet(kind, 1)
    grade = sheet.grade(key_of(sheet))
    assert set(verdicts(grade).values()) == {"exact"}
    assert grade.points == grade.possible == len(grade.marks)
    assert "Every step is right." in str(grade)


@pytest.mark.parametrize("decimals", [2, 3, 4])
@pytest.mark.parametrize("kind", ["1-1", "2-1", "1-1-1", "2-2-1", "2-2-2", "cross-entropy"])
def test_answers_rounded_at_every_step_get_every_point(kind, decimals):
    for seed in range(2):
        sheet = wg.worksheet(kind, seed)
        key = {blank: f"{value:.{decimals}f}" for blank, value in key_of(sheet).items()}
        key = {
            blank: text if len(text.lstrip("-0.")) > 1 else f"{key_of(sheet)[blank]:.4f}" for blank, text in key.items()
        }
        grade = sheet.grade(key)
        assert grade.points == grade.possible, str(grade)


def test_a_learner_who_goes_on_with_rounded_numbers_gets_every_point():
    sheet = wg.worksheet("2-2-2", 2)
    from whygrad.checking.worksheet import derivations

    derivation, own = derivations("2-2-2", 2, 1)[0], {}
    for question in derivation.questions:
        own[question.blank] = round(derivation.follow(question.blank, own), 3)
    grade = sheet.grade({blank: f"{value:.3f}" for blank, value in own.items()})
    assert grade.points == grade.possible, str(grade)


def test_two_decimals_are_enough_and_the_note_says_so():
    sheet = wg.worksheet("1-1", 1)
    mark = mark_of(sheet.grade({"sigma'(z^1_0)": "0.24"}), "sigma'(z^1_0)")
    assert f"{mark.right:.4f}" == "0.2350"
    assert (mark.verdict, mark.note, mark.points) == ("rounding", "right to 2 decimals", 1)


def test_one_digit_is_too_few():
    sheet = wg.worksheet("1-1", 1)
    mark = mark_of(sheet.grade({"sigma'(z^1_0)": "0.2"}), "sigma'(z^1_0)")
    assert (mark.verdict, mark.note) == ("wrong", "rounded to too few digits: write at least two")


def test_only_the_first_wrong_step_loses_its_point():
    sheet = wg.worksheet("2-2-1-relu", 2)
    key = key_of(sheet)
    wrong = {blank: value for blank, value in key.items() if not blank.startswith(("d", "sigma"))}
    wrong["delta^2_0"] = 2 * key["delta^2_0"]
    for blank, value in key.items():
        if blank.startswith("sigma"):
            wrong[blank] = value
        elif blank.startswith("d") and blank != "delta^2_0":
            wrong[blank] = 2 * value
    grade = sheet.grade(wrong)
    assert grade.points == grade.possible - 1
    assert grade.first_wrong.question.blank == "delta^2_0"
    assert verdicts(grade)["dC/dw^1_00"] == "carried forward"
    assert "Carried forward: 13" in str(grade)


def test_a_wrong_forward_number_is_carried_through_the_whole_derivation():
    from whygrad.checking.worksheet import derivations

    for kind in ("2-2-2", "cross-entropy", "branch", "long-chain"):
        derivation, own = derivations(kind, 4, 1)[0], {}
        for i, question in enumerate(derivation.questions):
            own[question.blank] = derivation.follow(question.blank, own) + (0.375 if i == 0 else 0.0)
        grade = wg.worksheet(kind, 4).grade(own)
        assert grade.points == grade.possible - 1, str(grade)
        assert grade.first_wrong.question.blank == derivation.questions[0].blank


def test_a_wrong_number_at_random_costs_exactly_one_point():
    from whygrad.checking.worksheet import derivations

    draw = random.Random(0)
    for _ in range(12):
        kind = draw.choice(list(LADDER))
        seed = draw.randrange(3)
        (derivation,) = derivations(kind, seed, 1)
        wrong, own = draw.choice(derivation.questions).blank, {}
        for question in derivation.questions:
            value = derivation.follow(question.blank, own)
            own[question.blank] = value * 1.7 + 0.4 if question.blank == wrong else value
        grade = wg.worksheet(kind, seed).grade(own)
        assert [m.question.blank for m in grade.marks if m.verdict == "wrong"] == [wrong]
        assert grade.points == grade.possible - 1


def test_an_empty_blank_gets_no_point_and_those_after_it_are_judged_by_what_follows():
    sheet = wg.worksheet("2-2-1", 0)
    key = key_of(sheet)
    del key["delta^2_0"]
    grade = sheet.grade(key)
    assert verdicts(grade).pop("delta^2_0") == "not given"
    assert grade.points == grade.possible - 1
    assert grade.first_wrong is None
    assert sheet.grade({}).points == 0


# ---- likely mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("blank", "change", "said"),
    [
        ("z^1_0", lambda key, given: key["z^1_0"] - given["b^1_0"], "b^1_0 is missing"),
        ("sigma'(z^1_0)", lambda key, _: key["a^1_0"], "a^1_0 is the value of σ, not its slope"),
        ("a^1_0", lambda key, _: key["sigma'(z^1_0)"], "the slope was read from the table, not a^1_0"),
        ("delta^2_0", lambda key, _: -key["delta^2_0"], "the sign of δ^2_0 is wrong"),
        ("delta^2_0", lambda key, _: key["delta^2_0"] / 2, "a factor 2 is missing from δ^2_0"),
        ("dC/dw^2_00", lambda key, _: key["z^1_0"] * key["delta^2_0"], "z^1_0"),
        ("delta^1_0", lambda key, _: key["dC/da^1_0"], "the factor σ'(z^1_0) is missing from δ^1_0"),
    ],
)
def test_the_likely_mistake_is_named_with_the_corrected_line(blank, change, said):
    sheet = wg.worksheet("2-2-2", 7)
    given = {name.text: value for name, value in sheet.exercises[0].given}
    key = key_of(sheet)
    grade = sheet.grade({**key, blank: change(key, given)})
    mark = mark_of(grade, blank)
    assert mark.verdict == "wrong"
    assert said in mark.mistake
    assert "Right: " + mark.question.name.text in " ".join(str(grade).split())


def test_one_path_of_a_sum_is_named():
    sheet = wg.worksheet("2-2-2", 7)
    question = next(q for q in sheet.exercises[0].questions if q.blank == "dC/da^1_0")
    mark = mark_of(sheet.grade({**key_of(sheet), question.blank: question.paths[0].value}), question.blank)
    assert "only one of the 2 paths" in mark.mistake


def test_a_number_out_of_nowhere_is_not_explained():
    sheet = wg.worksheet("2-2-2", 7)
    mark = mark_of(sheet.grade({**key_of(sheet), "delta^1_0": 3.14159}), "delta^1_0")
    assert (mark.verdict, mark.mistake) == ("wrong", "")


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_filled_in_file_rebuilds_its_sheet(tmp_path):
    sheet = wg.worksheet("2-2-1", 9)
    grade = grade_file(written(tmp_path, sheet, answers=key_of(sheet)))
    assert grade.points == grade.possible == 22
    assert grade.sheet == sheet


def test_markdown_is_read_as_people_fill_it_in(tmp_path):
    sheet = wg.worksheet("branch", 0, count=2)
    text = sheet.markdown(key=True)
    for exercise in range(2):
        for blank, value in key_of(sheet, exercise).items():
            text = text.replace(f"- `{blank}` = ____", f"- `{blank}` =  {value:g} ".replace("-", "-"), 1)
    file = tmp_path / "answers.md"
    file.write_text(text, encoding="utf-8")
    grade = grade_file(file)
    assert grade.points == grade.possible == 14
    file.write_text(sheet.markdown(), encoding="utf-8")
    assert grade_file(file).points == 0


@pytest.mark.parametrize("text", ["1.5", " 1.50 ", "3/2", "+1.5", "1,5", "15e-1", "**1.5**"])
def test_numbers_are_read_as_people_write_them(tmp_path, text):
    sheet = wg.worksheet("branch", 0)
    assert key_of(sheet)["u"] == 1.5
    assert verdicts(sheet.grade({"u": text}))["u"] == "exact"


@pytest.mark.parametrize("text", ["", "____", " ", "?", "…", None])
def test_what_was_not_filled_in_is_not_given(text):
    assert verdicts(wg.worksheet("branch", 0).grade({"u": text}))["u"] == "not given"


@pytest.mark.parametrize(
    "value", ["about one", "nan", "inf", "1e999", float("nan"), float("inf"), True, [1.0], {}, 1j, "1/0"]
)
def test_what_is_no_number_is_refused_with_the_blanks_name(value):
    with pytest.raises(DataError, match="the answer for u is"):
        wg.worksheet("branch", 0).grade({"u": value})


@pytest.mark.parametrize("answers", [3, "u", [{"u": 1.0}, {}], [3], None])
def test_answers_of_another_form_are_refused(answers):
    with pytest.raises((ArgumentError, DataError)):
        wg.worksheet("branch", 0).grade(answers)


def test_an_unknown_blank_is_named_with_those_there_are():
    with pytest.raises(DataError, match=r"no blank called 'x'(.|\n)*u, v, C"):
        wg.worksheet("branch", 0).grade({"x": 1.0})


GOOD = wg.worksheet("branch", 0).to_dict()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "other"}, "not a worksheet"),
        ({"version": None}, "names no version"),
        ({"version": 99}, "is of version 99"),
        ({"kind": "3-3"}, "no kind of worksheet called '3-3'"),
        ({"kind": ["chain"]}, "no kind of worksheet called"),
        ({"seed": "many"}, "seed is 'many'"),
        ({"seed": -1}, "seed is '-1'"),
        ({"seed": 10**30}, "seed is"),
        ({"count": 0}, "count=0"),
        ({"count": 2}, "answers to 1 exercise"),
        ({"exercises": "none"}, '"exercises" must be a list'),
        ({"exercises": []}, "answers to 0 exercise"),
        ({"exercises": [{"answers": {"u": "x"}}]}, "the answer for u is"),
        ({"exercises": [{"answers": {"nothing": 1}}]}, "no blank called 'nothing'"),
    ],
)
def test_a_file_that_says_something_else_gets_one_clear_error(tmp_path, change, words):
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({**GOOD, **change}), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        grade_file(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b"{ this is no JSON", "is not JSON"),
        ("a.json", b"", "is not JSON"),
        ("a.json", b"[1, 2]", "is not a worksheet"),
        ("a.json", b'{"a": 1, "a": 2}', "'a' is there twice"),
        ("a.json", b'{"a": NaN}', "holds NaN"),
        ("a.json", b"\xff\xfe\x00", "not text in UTF-8"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b" " * 1_000_001, "1,000,001 bytes"),
        ("a.md", b"# My homework\n- `u` = 3\n", "does not say which worksheet it is"),
        ("a.md", b"<!-- whygrad.worksheet version=7 kind=chain seed=0 count=1 -->", "is of version 7"),
        (
            "a.md",
            b"<!-- whygrad.worksheet version=1 kind=twice seed=0 count=1 -->\n## Exercise 2\n",
            "exercise 2 stands",
        ),
        (
            "a.md",
            b"<!-- whygrad.worksheet version=1 kind=twice seed=0 count=1 -->\n## Exercise 1\n- `b` = 1\n- `b` = 2\n",
            "'b' is there twice",
        ),
    ],
)
def test_a_broken_file_gets_one_clear_error(tmp_path, name, content, words):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(WhygradError) as caught:
        grade_file(file)
    assert words in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        grade_file(tmp_path / "none.json")


# ---- how it is shown -------------------------------------------------------------------------------------------------


def test_a_grade_is_text_html_and_json():
    sheet = wg.worksheet("2-2-2", 7)
    key = key_of(sheet)
    grade = sheet.grade({**key, "delta^1_0": -key["delta^1_0"], "dC/db^1_0": -key["dC/db^1_0"]})
    text, html, data = str(grade), grade.html(), grade.to_dict()
    assert text.startswith("26 of 27 points   2-2-2, seed 7")
    assert "carried forward" in text
    assert max(map(len, text.splitlines())) <= 80
    assert html.count("<tr>") == 28
    assert "<script" not in html
    assert "http" not in html.replace("http://www.w3.org", "")
    assert (data["points"], data["possible"], data["first_wrong"]) == (26, 27, "delta^1_0")
    json.dumps(data, allow_nan=False)


def test_the_command_line_writes_grades_and_says_so(tmp_path):
    from whygrad.cli.app import app

    run, file = CliRunner(), tmp_path / "answers.md"
    assert run.invoke(app, ["worksheet", "chain", "--seed", "2", "--out", str(file)]).exit_code == 0
    graded = run.invoke(app, ["check", str(file), "--json"])
    assert json.loads(graded.stdout)["possible"] == 10
    file.write_text(file.read_text(encoding="utf-8").replace("`a1` = ____", "`a1` = 1000"), encoding="utf-8")
    wrong = run.invoke(app, ["check", str(file)])
    assert wrong.exit_code == 1
    assert "The first wrong step is a1." in wrong.stdout


class Odd:
    def __float__(self):
        raise RuntimeError("no number after all")


@pytest.mark.parametrize(
    "value", ["1/" + "9" * 5000, "1e-" + "9" * 5000, 10**5000, Odd(), np.array([0.5])], ids=list("abcde")
)
def test_answers_that_only_look_like_numbers_are_refused(value):
    with pytest.raises(DataError, match="the answer for u is"):
        wg.worksheet("branch", 0).grade({"u": value})


@pytest.mark.parametrize(
    "content", ["<!--" * 200_000, ("<!--" + " " * 2000) * 300, "<!-- a " + "version=a " * 90_000], ids=list("abc")
)
def test_a_file_made_to_be_slow_is_refused_at_once(tmp_path, content):
    file = tmp_path / "a.md"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="does not say which worksheet"):
        grade_file(file)
