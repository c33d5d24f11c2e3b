"""What every test may ask for, and one line at the end that says which tests were left out and why."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import warnings
import zlib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import NoReturn

os.environ.setdefault("MPLBACKEND", "Agg")  # before anything imports matplotlib: tests have no screen

import hypothesis
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
PEERS = ("torch", "jax", "autograd")
WITH_PEERS = os.environ.get("WITH_PEERS") == "1"
HOW_TO_RUN = {"torch, jax, autograd": " (run WITH_PEERS=1 make test)"}

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


# ── fixtures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that are the test's own: the same in every run, in any order, on any worker."""
    return np.random.default_rng(zlib.crc32(request.node.name.encode()))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of full data sets beside the checkout; the tests that take it are skipped without it."""
    folder = ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else pytest.skip("needs ../shared/data")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a headless-capable Chromium."""
    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    return found[0] if found else _missing("chromium", required=WITH_PEERS)


@pytest.fixture
def torch() -> ModuleType:
    return peer("torch")


@pytest.fixture
def jax() -> ModuleType:
    return peer("jax")


@pytest.fixture
def autograd() -> ModuleType:
    return peer("autograd")


def peer(name: str) -> ModuleType:
    """Import a peer, whose own warnings are not our errors; without it skip, or fail where peers were promised."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError:
        _missing(name, required=WITH_PEERS)


def _missing(what: str, *, required: bool) -> NoReturn:
    if required:
        pytest.fail(f"needs {what}, and WITH_PEERS=1 promises it", pytrace=False)
    pytest.skip(f"needs {what}")


# ── hooks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peers"):
        for name in mark.args or PEERS:
            peer(name)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where peers were promised, a test that skipped itself for want of one fails the run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if WITH_PEERS and reporter and "torch, jax, autograd" in left_out(reporter.stats.get("skipped", [])):
        reporter.write_line("\nWITH_PEERS=1, but tests were skipped for want of torch, jax or autograd", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if any(report.nodeid.startswith("tests/test_rules.py") for report in terminalreporter.stats.get("passed", [])):
        terminalreporter.write_line(rules_tested())
    groups = left_out(terminalreporter.stats.get("skipped", []))
    if chosen_away := len(terminalreporter.stats.get("deselected", [])):
        groups["deselected on the command line"] = chosen_away
    if groups:
        terminalreporter.write_line("left out: " + "; ".join(_phrase(*group) for group in groups.most_common()))


def rules_tested() -> str:
    """How much of the calculus tests/test_rules.py holds to its promises."""
    table = importlib.import_module("whygrad.rules.table")
    points = sum(len(row.tested_at) for row in [*table.RULES.values(), *table.DERIVED.values()])
    return f"rules: {len(table.RULES)} rules and {len(table.DERIVED)} derived functions, {points} test points"


def left_out(skipped: list[pytest.TestReport]) -> Counter[str]:
    """How many tests were skipped for want of each thing, or for each other reason."""
    return Counter(_want(report.longrepr[2] if isinstance(report.longrepr, tuple) else "") for report in skipped)


def _want(reason: str) -> str:
    """'torch, jax, autograd' for any peer, X for 'needs X' and for pytest.importorskip's words, else the reason."""
    reason = reason.removeprefix("Skipped: ")
    found = re.match(r"needs (.+)|could not import '(.+?)'", reason)
    if not found:
        return f"because: {reason or 'no reason given'}"
    wanted = found[1] or found[2]
    return "torch, jax, autograd" if wanted.partition(".")[0] in PEERS else wanted


def _phrase(want: str, count: int) -> str:
    if want.startswith(("because", "deselected")):
        return f"{count} {want}"
    tests = "1 test that needs" if count == 1 else f"{count} tests that need"
    return f"{tests} {want}{HOW_TO_RUN.get(want, '')}"
