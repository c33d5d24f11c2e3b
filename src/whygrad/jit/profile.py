"""Where the time of a native program goes: statement by statement of its printed text, by the processor's clock."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from whygrad.jit.loops import Printed
from whygrad.jit.native.cache import native as loaded
from whygrad.jit.nests import LETTERS

SECONDS, CALLS = 0.25, 4  # a program is measured for at least so long, and so often
LINE, SHOWN = 8, 84  # int64 to a line of the cache; columns of what a statement says
LEAST = 0.005  # of the time, from which on a statement has a line of its own
PRODUCTS = frozenset(
    "add_picked add_short multiply multiply_few multiply_picked multiply_rows multiply_short pack".split()
)
KINDS = PRODUCT, NUMBERS, WAITING = "matrix products", "number by number", "waiting for other threads"


@dataclass(frozen=True)
class Statement:
    """One statement of a program, or a few short ones. ``line``: of ``source``, from 1; ``word``: the function that it
    calls, or "loop" over single numbers; ``says``: what stands beside its lines, rules and the user's lines;
    ``seconds``: of one call (one step of a training loop), for each thread.
    """

    line: int
    word: str
    says: str
    seconds: tuple[float, ...]

    @property
    def kind(self) -> str:
        """What takes the time."""
        return PRODUCT if self.word in PRODUCTS else WAITING if self.word == "wait" else NUMBERS

    @property
    def mean(self) -> float:
        """Seconds, over the threads."""
        return sum(self.seconds) / len(self.seconds)


@dataclass(frozen=True)
class Profile:
    """Where the time of one call goes, or of one step of a loop; ``print`` shows it.

    ``seconds``: of a call, the mean of the middle half of the ``calls`` that were measured; ``per``: what they are for.
    Threads each have their time; what is said of a statement alone is their mean.
    """

    source: str
    threads: int
    seconds: float
    calls: int
    statements: tuple[Statement, ...]
    per: str = "call"

    def seconds_of(self, kind: str) -> float:
        """All statements of "matrix products", "number by number" or "waiting for other threads"."""
        return sum(s.mean for s in self.statements if s.kind == kind)

    @property
    def outside(self) -> float:
        """Seconds that are no statement's: before the first and after the last, the call from Python for one."""
        return max(0.0, self.seconds - sum(s.mean for s in self.statements))

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        on = f" on {self.threads} threads" if self.threads > 1 else ""
        yield f"{self.seconds * 1e6:,.1f} µs a {self.per}{on}, the mean of the middle half of {self.calls} calls"
        yield f"{'µs':>10}{'share':>8}{'line':>7}  statement of .source"
        for s in self.statements:
            if s.mean >= LEAST * self.seconds:
                says = s.says if len(s.says) <= SHOWN else f"{s.says[: SHOWN - 1]}…"
                yield f"{self._cells(s.mean)}{s.line:>7}  {s.word:<16}  {says}".rstrip()
        if few := sum(s.mean for s in self.statements if s.mean < LEAST * self.seconds):
            yield f"{self._cells(few)}{'':>7}  statements of less than {LEAST:.1%} each"
        yield ""
        for kind in KINDS:
            yield f"{self._cells(self.seconds_of(kind))}  {kind}"
        yield f"{self._cells(self.outside)}  the call itself"

    def _cells(self, seconds: float) -> str:
        return f"{seconds * 1e6:>10,.1f}{seconds / self.seconds:>8.0%}"


def profiled(
    page: Printed, arrays: Sequence[np.ndarray], threads: int, turns: int = 0
) -> tuple[int, Profile | None]:
    """Run a program on these arrays again and again and time its statements: the status that it ended with, and if
    that is 0 its profile.

    ``turns``: of the training loop that it is, whose steps are looked into instead of the call.
    """
    clocked = Clocked(page.source)
    ticks = np.zeros((threads, -(-(len(clocked.spans) + 2) // LINE) * LINE), np.int64)
    shapes = [(page.shape(x), x.dtype.name) for x in page.arrays]
    call = loaded(clocked.text, [*shapes, (ticks.shape, "int64")]).bind([*arrays, ticks], threads)
    status, counts, took, pace = measured(call, ticks)
    if status:
        return status, None
    each = max(turns, 1)
    middle = np.argsort(took)[len(took) // 4 : -(len(took) // 4)]  # means, so that statements add up to the whole
    found = np.mean(np.array(counts)[middle], axis=0) / pace / each
    lines = page.source.splitlines()
    statements = tuple(
        Statement(span.first, span.word, said(lines[span.first - 1 : span.last]), tuple(found[:, k].tolist()))
        for k, span in enumerate(clocked.spans)
    )
    per = "step" if turns else "call"
    return 0, Profile(page.source, threads, float(np.mean(np.array(took)[middle])) / each, len(took), statements, per)


def measured(call: Callable[[], int], ticks: np.ndarray) -> tuple[int, list[np.ndarray], list[float], float]:
    """Status, counts of the clock and seconds of many calls, and how many counts a second has."""
    status = call() or call()  # twice: caches and clocks warm up
    clock, began = int(ticks[0, -1]), time.perf_counter()
    counts: list[np.ndarray] = []
    took: list[float] = []
    while not status and (len(took) < CALLS or time.perf_counter() - began < SECONDS):
        ticks[:, :-1] = 0
        start = time.perf_counter()
        status = call()
        took.append(time.perf_counter() - start)
        counts.append(ticks.copy())
    pace = (int(ticks[0, -1]) - clock) / max(time.perf_counter() - began, 1e-9)
    return status, counts, took, pace


class Span(NamedTuple):
    """A statement's first and last line in the text, and its word."""

    first: int
    last: int
    word: str


@dataclass
class Clocked:
    """A program that looks at the clock after its statements."""

    source: str
    spans: list[Span] = field(default_factory=list)
    text: str = ""
    ticks: str = "ticks"  # the array's name, longer if an array of the user's is called so

    def __post_init__(self) -> None:
        tree = ast.parse(self.source)
        program = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
        taken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} | {x.arg for x in program.args.args}
        while self.ticks in taken:
            self.ticks += "_"
        program.args.args.append(ast.arg(self.ticks))
        body = self.timed(program.body)
        program.body = [self.tick(len(self.spans)), *body]  # what it adds is nobody's: the time since the last call
        self.text = ast.unparse(ast.fix_missing_locations(tree))

    def timed(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements, with a look at the clock after each that takes time, short ones before it counted in."""
        result: list[ast.stmt] = []
        together: list[ast.stmt] = []

        def close() -> None:
            if together:
                main = together[-1]
                result.extend([*together, self.tick(len(self.spans))])
                self.spans.append(Span(main.lineno, main.end_lineno or main.lineno, word_of(together)))
                together.clear()

        for statement in body:
            if isinstance(statement, ast.Return):
                close()
                result.append(statement)
            elif isinstance(statement, ast.For | ast.If) and is_opened(statement):
                close()
                statement.body = self.timed(statement.body)
                result.append(statement)
            else:
                together.append(statement)
                if not isinstance(statement, ast.Assign | ast.AugAssign):
                    close()
        close()
        return result

    def tick(self, k: int) -> ast.stmt:
        """A look at the clock after statement k."""
        return ast.parse(f"tick({self.ticks}, tid, {k})").body[0]


def is_opened(block: ast.For | ast.If) -> bool:
    """A loop over steps or blocks of rows, in which several things happen, and not one over single numbers."""
    several = sum(not isinstance(s, ast.Assign | ast.AugAssign) for s in block.body) > 1
    turns = isinstance(block, ast.For) and isinstance(block.target, ast.Name) and block.target.id not in LETTERS
    return several and (turns or bool(called(block.body) & (PRODUCTS | {"wait"})))


def word_of(statements: Sequence[ast.stmt]) -> str:
    """What the last of them does: a product or a wait if there is one inside, else a call or a loop."""
    words = sorted(called(statements) & (PRODUCTS | {"wait"}))
    main = statements[-1]
    if isinstance(main, ast.Expr) and isinstance(main.value, ast.Call) and isinstance(main.value.func, ast.Name):
        words = words or [main.value.func.id]
    return words[0] if words else "loop" if isinstance(main, ast.For | ast.If) else "assignment"


def called(statements: Sequence[ast.stmt]) -> set[str]:
    """The names of the functions that are called."""
    calls = (node.func for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Call))
    return {function.id for function in calls if isinstance(function, ast.Name)}


def said(lines: Sequence[str]) -> str:
    """What stands beside the lines: rules, each once, with the line of the user's that they come from."""
    by_line: dict[str, list[str]] = {}
    for line in lines:
        rule, _, where = line.partition("  # ")[2].strip().partition(", ")
        if rule and rule not in by_line.setdefault(where, []):
            by_line[where].append(rule)
    return "; ".join(", ".join(rules) + f" ({where})" * bool(where) for where, rules in by_line.items())
