"""Writes the pages that are made from the code: docs/rules.md, the list of what is supported.

    python scripts/make_docs.py            writes them
    python scripts/make_docs.py --check    only says whether they are up to date (exit code 1 if not)

Every row is checked by measurement while the page is made, with the checks of tests/test_rules.py: a row's test status
is what was just seen, not what somebody believes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.test_rules import check_first_derivative, check_forward_mode, check_second_derivative  # noqa: E402

from whygrad.explain.symbol import formulas  # noqa: E402
from whygrad.rules.define import DERIVED, NUMPY, RULES, Derived, Rule  # noqa: E402
from whygrad.rules.table import MODULES  # noqa: E402

PAGE = ROOT / "docs" / "rules.md"
CHECKS = (check_first_derivative, check_second_derivative, check_forward_mode)

INTRODUCTION = """# What whygrad can differentiate

This page is made from the rule table by `make docs`; a test fails when it is out of date. Each row was checked by
measurement while the page was made: first derivative, second derivative, and forward mode against reverse mode, at the
number of test points shown. Derivatives are printed by running the rule itself on symbols: `out` is the result,
`g` the gradient that arrives at it, and a formula without `g` is the slope, number by number. Where the formula would
fill lines, the rule's own sentence stands in its place; the source is `src/whygrad/rules/`, a file for each section.

What is not listed is refused by name, with how to define a rule for it (`wg.define`).

"""


def spelled(row: Rule | Derived) -> str:
    """NumPy's names of the functions that this row stands for."""
    function = row.function if isinstance(row, Derived) else row
    names = [_numpy_name(key) for key, ours in NUMPY.items() if ours is function]
    return ", ".join(sorted({f"`{name}`" for name in names}))


def _numpy_name(key: Any) -> str:
    if isinstance(key, tuple):
        return f"np.{key[0].__name__}.{key[1]}"
    module = getattr(key, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np')}.{key.__name__}"


def derivatives(rule: Rule) -> Iterator[str]:
    """One formula per input, as the rule itself writes it; where that is too long or asks for shapes, its sentence."""
    if not rule.differentiable:
        yield "no slope"
        return
    params = rule.tested_at[0].params if rule.tested_at else {}
    try:
        written = formulas(rule, **params)
    except Exception:  # noqa: BLE001  a pull that asks symbols for their shapes has no formula to print
        written = [None] * len(rule.inputs)
    for name, pull, formula, sentence in zip(rule.inputs, rule.pulls, written, rule.because, strict=True):
        if pull is None:
            yield f"{name}: none"
        else:
            yield f"{name}: `{formula.text}`" if formula and len(formula.text) <= 90 else f"{name}: {sentence}"


def status(row: Rule | Derived) -> str:
    """What the checks have just shown."""
    if not row.tested_at:
        return "no slope to test"
    for place in row.tested_at:
        for check in CHECKS:
            check(row, place)
    return f"agrees at {len(row.tested_at)}"


def room_rows(module: ModuleType) -> tuple[list[Rule], list[Derived]]:
    """The rules and derived functions that a room of the table defines."""
    own = [value for value in vars(module).values() if isinstance(value, Rule)]
    rules = [rule for rule in RULES.values() if any(rule is value for value in own) and _home(rule) == module.__name__]
    derived = [row for row in DERIVED.values() if row.function.__module__ == module.__name__]
    return rules, derived


def _home(rule: Rule) -> str:
    """The first room, in the table's order, that holds the rule under a name of its own."""
    holders = [m.__name__ for m in MODULES if any(value is rule for value in vars(m).values())]
    written_in = [name for name in holders if _defines(name, rule)]
    return (written_in or holders)[0]


def _defines(name: str, rule: Rule) -> bool:
    source = Path(str(sys.modules[name].__file__)).read_text()
    return f'"{rule.name}"' in source


def first_line(module: ModuleType) -> str:
    """What a room says it is."""
    return (module.__doc__ or "").strip().splitlines()[0]


def section(module: ModuleType, check: Callable[[Rule | Derived], str]) -> str:
    """One room of the table as Markdown; empty if it defines no rows."""
    rules, derived = room_rows(module)
    if not rules and not derived:
        return ""
    lines = [f"## {module.__name__.rpartition('.')[2]}\n", f"{first_line(module)}\n",
             "| rule | NumPy | derivative | where there is none | tested |", "|---|---|---|---|---|"]
    lines += [_row(r.name, spelled(r), "<br>".join(derivatives(r)), r.convention, check(r)) for r in rules]
    lines += [_row(d.name, spelled(d), "written with rules", d.convention, check(d)) for d in derived]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def page() -> str:
    """The whole page."""
    unlisted = {rule.name for rule in RULES.values()} - {r.name for m in MODULES for r in room_rows(m)[0]}
    total = f"{len(RULES)} rules and {len(DERIVED)} functions written with them; {len(NUMPY)} of NumPy's names.\n"
    made = [RULES[name] for name in sorted(unlisted)]
    more = ["## made in families\n", "Rules that one line of a room makes for many functions.\n",
            "| rule | NumPy | derivative | where there is none | tested |", "|---|---|---|---|---|",
            *[_row(r.name, spelled(r), "<br>".join(derivatives(r)), r.convention, status(r)) for r in made], ""]
    return INTRODUCTION + total + "\n" + "\n".join(filter(None, (section(m, status) for m in MODULES))) + \
        ("\n" + "\n".join(more) if made else "")


def main() -> int:
    """Write the page, or say whether it is up to date."""
    with np.errstate(all="ignore"):
        text = page()
    if "--check" in sys.argv:
        fresh = PAGE.exists() and PAGE.read_text() == text
        print(f"{PAGE.relative_to(ROOT)} is {'up to date' if fresh else 'out of date: run make docs'}")
        return 0 if fresh else 1
    PAGE.write_text(text)
    print(f"wrote {PAGE.relative_to(ROOT)}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
