"""What the project promises about itself: small files, documented names, a quick import, no trace of one machine."""

from __future__ import annotations

import ast
import importlib
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src" / "whygrad").rglob("*.py"))
LONGEST, MEDIAN = 400, 200  # lines; the aim is a median of about 130
IMPORT_BUDGET = 0.150  # seconds on top of `import numpy`

# Brackets keep these patterns from finding themselves.
TRACES = {
    "a path of one machine": re.compile(r"(?<![\w.~])/([w]ork|[r]oot|[h]ome|[U]sers|[f]arm)/|[A-Z]:\\[U]sers"),
    "a package registry's host": re.compile(r"[p]ypi\.org|[p]ythonhosted|[n]pmjs\.|[d]eb\.debian"),
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode:
        pytest.skip("needs a git checkout")
    return [path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file()]


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_file_of_the_package_is_above_400_lines():
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST}


def test_the_median_file_is_short(record_property):
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES if path.stat().st_size]
    record_property("median lines", statistics.median(lengths))
    assert statistics.median(lengths) < MEDIAN


def test_every_module_says_in_its_first_line_what_lives_there():
    silent = [name_of(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert not silent


def test_tracked_files_carry_no_trace_of_the_machine_they_were_written_on():
    found = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # an image or an archive
        found += [f"{name_of(path)}: {what}: {hit[0]}"
                  for what, trace in TRACES.items() for hit in trace.finditer(text)]
    assert not found


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_public_names_are_sorted_and_each_exists_once_with_documentation():
    names = importlib.import_module("whygrad").__all__
    assert list(names) == sorted(set(names))
    assert not [name for name in names if not (getattr(importlib.import_module("whygrad"), name).__doc__ or "").strip()]


# ── imports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_importing_whygrad_costs_little_more_than_importing_numpy():
    # the process's own time: what else the machine is doing does not count
    program = "import numpy, time; start = time.process_time(); import whygrad; print(time.process_time() - start)"
    runs = [subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True,
                           env=os.environ | {"PYTHONPATH": str(ROOT / "src")}) for _ in range(5)]
    assert min(float(run.stdout) for run in runs) < IMPORT_BUDGET


def test_an_explanation_loads_the_renderer_only_when_it_is_asked_to_show_itself():
    """import-linter allows explain to import render; only this test can see that it does so inside functions."""
    explain = [path for path in SOURCES if "explain" in path.relative_to(ROOT / "src" / "whygrad").parts]
    early = [f"{name_of(path)}:{line}" for path in explain
             for line, module in imports_at_the_top(ast.parse(path.read_text(encoding="utf-8")))
             if "whygrad.render" in module]
    assert not early


def imports_at_the_top(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import that runs when its module is loaded."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or is_for_type_checkers(child):
            continue
        if isinstance(child, ast.Import):
            yield from ((child.lineno, alias.name) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            yield from ((child.lineno, f"{child.module}.{alias.name}") for alias in child.names)
        else:
            yield from imports_at_the_top(child)


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


@pytest.mark.parametrize(("code", "found"), [
    ("from whygrad.render import text", ["whygrad.render.text"]),
    ("from whygrad import render", ["whygrad.render"]),
    ("try:\n    import whygrad.render\nexcept ImportError: pass", ["whygrad.render"]),
    ("class E:\n    import whygrad.render", ["whygrad.render"]),
    ("def show():\n    from whygrad.render import text", []),
    ("if TYPE_CHECKING:\n    from whygrad.render import text", []),
])
def test_an_import_at_the_top_is_told_from_one_inside_a_function(code, found):
    assert [module for _, module in imports_at_the_top(ast.parse(code))] == found
