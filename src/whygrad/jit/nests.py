"""A loop nest printed: loops over its indices, statements on single numbers inside, sums before and after."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whygrad.jit.kernels import REDUCTIONS, Let, Nest, Pick, Reduce, Scatter, Statement, Store
from whygrad.jit.page import Page, dealt, line_of, remark
from whygrad.jit.program import Op, Ref, Var
from whygrad.jit.scalars import COMPARISONS, SPELLED, literal, spelled_dtype
from whygrad.jit.views import View, contiguous, of

LETTERS = "ijklmnpqr"
START = {"sum": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}
LONG = 4096  # float32 sums of more numbers are added up in float64: 1e6 of them would lose 3 digits


@dataclass
class NestPrinter:
    """Writes one nest."""

    page: Page
    nest: Nest
    scalars: dict[Var, str] = field(default_factory=dict)  # what has been computed for the current indices
    given: dict[Var, str] = field(default_factory=dict)  # what is computed before the first statement, so
    columns: tuple[str, str] | None = None  # of a nest over rows and columns: those that are this thread's
    after: list[tuple[str, str]] = field(default_factory=list)  # lines for when all loops have run
    stores: list[tuple[str, str]] = field(default_factory=list)  # lines for the end of the innermost loop

    def __post_init__(self) -> None:
        self.flat = self._runs_flat()
        self.shape = (math.prod(self.nest.shape),) if self.flat else self.nest.shape
        letters = [letter for letter in LETTERS if letter != self.page.turn]
        self.indices = tuple("0" if n == 1 else letters[d] for d, n in enumerate(self.shape))

    # ── the loops ────────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, split: bool) -> None:
        """The whole nest; split: this thread's part of the first axis."""
        rows = dealt(self.shape[0]) if split else ("0", str(self.shape[0]) if self.shape else "1")
        self.before(split, rows)
        self.loops(rows)
        self.finish(split)

    def before(self, split: bool, rows: tuple[str, str]) -> None:
        """What has to be there before the first number: empty sums; ``split``: this thread has only these rows."""
        self.sums: dict[int, str] = {}
        self.part_of: dict[int, Var] = {}
        self.place_of: dict[int, str] = {}
        for number, s in enumerate(self.nest.statements):
            if isinstance(s, Reduce):
                self.start(number, s, rows if split else None)

    def loops(self, rows: tuple[str, str]) -> None:
        """The loops, the first one over these rows, the second one over this thread's columns."""
        with ExitStack() as stack:
            for d, n in enumerate(self.shape):
                self.begin_sums(d)
                stack.callback(self.end_sums, d)  # runs when the loop of this axis has been left
                if n != 1 or (d == 0 and rows[0] != "0"):
                    low, high = rows if d == 0 else self.columns if d == 1 and self.columns else ("0", str(n))
                    of_rows = f"{low}, {high}" if low != "0" else high
                    index = self.indices[d] if n != 1 else "_"
                    stack.enter_context(self.page.indented(f"for {index} in range({of_rows}):"))
                self.begin_row(d)
            self.body()

    def begin_row(self, d: int) -> None:
        """Numbers of rows are looked up as soon as their indices are known: checked in the innermost loop, it
        would not vectorise.
        """
        for number, s in enumerate(self.nest.statements):
            if isinstance(s, (Pick, Scatter)) and not s.flat and len(s.places.shape) == d + 1:
                self.place_of[number] = self.page.fresh("place")
                n = (s.op.inputs[0] if isinstance(s, Pick) else s.op.out).shape[0]  # type: ignore[union-attr]  # arrays
                self.place_of_row(self.place_of[number], s, n, self.indices[: d + 1])

    def body(self) -> None:
        """The statements, then what they store: an old value may be read until the end."""
        self.stores = []
        for x, text in self.given.items():
            self.assign(x, text, "")
        for number, s in enumerate(self.nest.statements):
            self.statement(number, s)
        for i, (line, said) in enumerate(self.stores):
            place = line.partition(" = ")[0]
            if not any(later.startswith(f"{place} = ") for later, _ in self.stores[i + 1 :]):
                self.page.write(line, said)

    def finish(self, split: bool) -> None:
        """What can be stored when all loops have run."""
        for line, said in self.after:
            self.page.write(line, said)

    # ── statements ───────────────────────────────────────────────────────────────────────────────────────────────────

    def statement(self, number: int, s: Statement) -> None:
        """One statement on the current indices."""
        page = self.page
        if isinstance(s, Let):
            self.assign(s.op.out, self.spelled(s.op), remark(s.op))
        elif isinstance(s, Reduce):
            self.gather(number, s)
        elif isinstance(s, Store):
            value = self.number(s.value, s.target.base.dtype)
            at = page.element(self.over(s.target), self.indices)
            self.stores.append((f"{at} {'+=' if s.adds else '='} {value}", line_of(s.note)))
        elif isinstance(s, Pick):
            self.pick(number, s)
        else:
            self.scatter(number, s)

    def assign(self, x: Var, text: str, said: str) -> None:
        """x at the current indices has this value; it is stored if something else needs it."""
        name = self.page.untaken(f"{self.page.names[x]}_{''.join(i for i in self.indices if i != '0')}")
        self.page.write(f"{name} = {text}", said)
        self.scalars[x] = name
        if x in self.page.low.kept:
            self.stores.append((f"{self.page.element(self.over(of(x)), self.indices)} = {name}", ""))

    def spelled(self, op: Op) -> str:
        """The step on single numbers."""
        dtype = self.computed_in(op)
        args = [self.number(x, dtype) for x in op.inputs]
        name = op.rule.name
        if name == "where":
            args[0] = self.truth(op.inputs[0])
        if name in ("cast", "truncate"):
            return self.converted(op.inputs[0], op.out.dtype)
        if name.startswith("logical_"):
            args = [self.truth(x) for x in op.inputs]
        params = {key: value for key, value in op.params.items() if isinstance(value, (int, float))}
        return SPELLED[name](lambda number: literal(number, dtype), *args, **params)

    def computed_in(self, op: Op) -> np.dtype[Any]:
        """The dtype that the numbers of a step have while it is computed."""
        if op.rule.name not in COMPARISONS:
            return op.out.dtype
        dtypes = [x.dtype for x in op.inputs if isinstance(x, Var)]
        found = np.result_type(*dtypes)
        floats = any(isinstance(x, float) for x in op.inputs)
        return np.dtype(float) if floats and found.kind != "f" else found

    def number(self, x: Ref, dtype: np.dtype[Any]) -> str:
        """x at the current indices, in this dtype."""
        if not isinstance(x, Var):
            return literal(x, dtype)
        constant = self.page.low.constants.get(x)
        if constant is not None and constant.ndim == 0:
            return literal(constant[()].item(), dtype)
        text = self.read(x)
        return text if x.dtype == dtype else f"{spelled_dtype(dtype)}({text})"

    def read(self, x: Var) -> str:
        """x at the current indices: from the lines above, or from memory."""
        view = self.page.low.views[x]
        if view.base in self.scalars and view.whole and view.shape == self.nest.shape:
            return self.scalars[view.base]
        return self.page.element(self.over(view.broadcast(self.nest.shape)), self.indices)

    def truth(self, x: Ref) -> str:
        """x as yes or no."""
        if not isinstance(x, Var):
            return str(bool(x))
        text = self.read(x)
        return text if x.dtype.kind == "b" else f"({text} != 0)"

    def converted(self, x: Ref, dtype: np.dtype[Any]) -> str:
        """x in another dtype."""
        if dtype.kind == "b":
            return self.truth(x)
        assert isinstance(x, Var)
        return f"{spelled_dtype(dtype)}({self.read(x)})"

    def pick(self, number: int, s: Pick) -> None:
        """A number found by its place."""
        base = s.op.inputs[0]
        assert isinstance(base, Var)
        view = self.page.low.views[base]
        if s.flat:
            place = self.page.fresh("place")
            self.page.write(f"{place} = {self.read(s.places)}")
            value = f"{self.page.flat(self.page.resolved(view).base)}[{place}]"
            if (self.page.low.constants[s.places] < 0).any():
                value = f"{value} if {place} >= 0 else {literal(0, base.dtype)}"
        else:
            rest = self.indices[len(s.places.shape) :]
            value = self.page.element(view, (self.row_place(number, s), *rest))
        self.assign(s.op.out, value, remark(s.op))

    def scatter(self, number: int, s: Scatter) -> None:
        """A number added to its place."""
        x = s.op.inputs[0]
        owner = self.page.resolved(of(s.op.out)).base
        name = self.page.array(owner)
        if s.flat:
            place = self.page.fresh("place")
            self.page.write(f"{place} = {self.read(s.places)}")
            target = f"{self.page.flat(owner)}[{place}]"
        else:
            rest = self.indices[len(s.places.shape) :]
            target = f"{name}[{', '.join([self.row_place(number, s), *rest])}]"
        self.stores.append((f"{target} += {self.number(x, s.op.out.dtype)}", remark(s.op)))

    def row_place(self, number: int, s: Pick | Scatter) -> str:
        """The row that has been looked up for the current indices; a single number's row is looked up here."""
        if number not in self.place_of:
            self.place_of[number] = self.page.fresh("place")
            n = (s.op.inputs[0] if isinstance(s, Pick) else s.op.out).shape[0]  # type: ignore[union-attr]  # arrays
            self.place_of_row(self.place_of[number], s, n, ())
        return self.place_of[number]

    def place_of_row(self, name: str, s: Pick | Scatter, n: int, indices: tuple[str, ...]) -> None:
        """A row number that was given; NumPy counts negative ones from the end, and refuses what is outside."""
        at = self.page.element(self.page.low.views[s.places], indices)
        self.page.write(f"{name} = {at}" if s.places.dtype == np.int64 else f"{name} = int({at})")
        if s.checked:
            with self.page.indented(f"if {name} < -{n} or {name} >= {n}:"):
                self.page.fail(name)
            self.page.write(f"{name} += {n} if {name} < 0 else 0")

    # ── sums and extremes ────────────────────────────────────────────────────────────────────────────────────────────

    def kept_axes(self, s: Reduce) -> tuple[int, ...]:
        """The axes of the nest that the result has."""
        if self.flat:
            return ()
        return tuple(d for d in range(len(self.shape)) if d not in s.axes)

    def level(self, s: Reduce) -> int | None:
        """Where the reduced axes are the innermost ones: the first of them. A local variable then holds the sum."""
        kept = [d for d in self.kept_axes(s) if self.shape[d] != 1]
        summed = [d for d in range(len(self.shape)) if d not in self.kept_axes(s) and self.shape[d] != 1]
        return summed[0] if summed and (not kept or kept[-1] < summed[0]) else None

    def sums_everything(self) -> bool:
        """Whether a sum is a local variable of the whole nest, which then runs in one piece."""
        return any(isinstance(s, Reduce) and self.level(s) == 0 for s in self.nest.statements)

    def start(self, number: int, s: Reduce, rows: tuple[str, str] | None) -> None:
        """An empty sum: a local variable, or the array that is added to; ``rows``: those that are this thread's.

        It empties no others: their threads may have begun.
        """
        page, level = self.page, self.level(s)
        self.sums[number] = page.fresh(f"{page.names[s.op.out]}_sum")
        first_axis_summed = rows is not None and 0 not in self.kept_axes(s)
        if level is None:
            if first_axis_summed:
                part = self.part_of[number] = Var((page.threads, *s.op.out.shape), s.op.out.dtype)
                page.names[part] = f"{self.sums[number]}_of"
                self.parts(number, s, part)
                self.fill_row(part, START[s.op.rule.name])
            else:
                self.fill(of(s.op.out), START[s.op.rule.name], rows)
        elif level == 0 and first_axis_summed:
            part = Var((page.threads,), self.sum_dtype(s))
            page.names[part] = f"{self.sums[number]}_of"
            self.after.append((f"{page.array(part)}[tid] = {self.sums[number]}", remark(s.op)))
            self.parts(number, s, part)

    def parts(self, number: int, s: Reduce, part: Var) -> None:
        """After a barrier, thread 0 adds up what each thread has found, in a fixed order."""
        page = self.page
        name, out = page.array(part), of(s.op.out)
        self.after.append(("wait(sync, threads)", ""))
        self.after.append(("if tid == 0:", "all threads' parts, in order"))
        indices = tuple("0" if n == 1 else LETTERS[d] for d, n in enumerate(s.op.out.shape))
        pad = "    "
        for d, n in enumerate(s.op.out.shape):
            if n != 1:
                self.after.append((f"{pad}for {indices[d]} in range({n}):", ""))
                pad += "    "
        total = f"{self.sums[number]}_all"
        within = indices if len(part.shape) > 1 else ()  # a sum of everything is one number of each thread
        one = f"{name}[{', '.join(['0', *within])}]"
        self.after.append((f"{pad}{total} = {one}", ""))
        self.after.append((f"{pad}for part in range(1, threads):", ""))
        gathered = SPELLED[REDUCTIONS[s.op.rule.name]](str, total, f"{name}[{', '.join(['part', *within])}]")
        self.after.append((f"{pad}    {total} = {gathered}", ""))
        value = self.in_result(total, s)
        self.after.append((f"{pad}{page.element(out, indices)} = {value}", remark(s.op)))

    def fill_row(self, part: Var, number: float) -> None:
        """This thread's part of a sum, emptied."""
        page = self.page
        indices = tuple("0" if n == 1 else LETTERS[d] for d, n in enumerate(part.shape[1:]))
        with ExitStack() as stack:
            for d, n in enumerate(part.shape[1:]):
                if n != 1:
                    stack.enter_context(page.indented(f"for {indices[d]} in range({n}):"))
            page.write(f"{page.array(part)}[{', '.join(['tid', *indices])}] = {literal(number, part.dtype)}")

    def sum_dtype(self, s: Reduce) -> np.dtype[Any]:
        """What a sum is added up in."""
        x, out = s.op.inputs[0], s.op.out
        assert isinstance(x, Var)
        long = s.op.rule.name == "sum" and x.size // max(out.size, 1) > LONG
        return np.dtype(float) if long and out.dtype == np.float32 else out.dtype

    def begin_sums(self, d: int) -> None:
        """Local sums over the axes from d on."""
        for number, s in enumerate(self.nest.statements):
            if isinstance(s, Reduce) and self.level(s) == d:
                self.page.write(f"{self.sums[number]} = {literal(START[s.op.rule.name], self.sum_dtype(s))}")

    def end_sums(self, d: int) -> None:
        """What the axes from d on have added up to."""
        for number, s in enumerate(self.nest.statements):
            if isinstance(s, Reduce) and self.level(s) == d:
                target = self.page.element(of(s.op.out), self.result_indices(s))
                line = (f"{target} = {self.in_result(self.sums[number], s)}", remark(s.op))
                if d > 0:
                    self.page.write(*line)
                elif not any(text.endswith(f"[tid] = {self.sums[number]}") for text, _ in self.after):
                    self.after.append(line)

    def in_result(self, text: str, s: Reduce) -> str:
        """A sum in the dtype of the result."""
        return text if self.sum_dtype(s) == s.op.out.dtype else f"{spelled_dtype(s.op.out.dtype)}({text})"

    def gather(self, number: int, s: Reduce) -> None:
        """One number more."""
        x = s.op.inputs[0]
        value, name = self.number(x, s.op.out.dtype), self.sums[number]
        into = name
        if self.level(s) is None:
            part, indices = self.part_of.get(number), self.result_indices(s)
            into = self.page.element(of(s.op.out), indices)
            if part is not None:
                into = f"{self.page.array(part)}[{', '.join(['tid', *indices])}]"
        if s.op.rule.name == "sum":
            self.page.write(f"{into} += {value}", remark(s.op))
        else:
            self.page.write(f"{into} = {SPELLED[REDUCTIONS[s.op.rule.name]](str, into, value)}", remark(s.op))

    def result_indices(self, s: Reduce) -> tuple[str, ...]:
        """The indices of the result at the current indices of the nest."""
        kept = self.kept_axes(s)
        if s.op.params.get("keepdims"):
            return tuple(self.indices[d] if d in kept else "0" for d in range(len(self.nest.shape)))
        return tuple(self.indices[d] for d in kept)

    # ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def fill(self, target: View, number: float, rows: tuple[str, str] | None = None) -> None:
        """``target[...] = number``; in these rows only, if they are given."""
        page = self.page
        if not target.size:
            return
        indices = tuple("0" if n == 1 else LETTERS[d] for d, n in enumerate(target.shape))
        with ExitStack() as stack:
            for d, n in enumerate(target.shape):
                if n != 1:
                    columns = self.columns if d == len(target.shape) - 1 else None
                    own = (rows if d == 0 else None) or columns
                    stack.enter_context(page.indented(f"for {indices[d]} in range({', '.join(own) if own else n}):"))
            page.write(f"{page.element(target, indices)} = {literal(number, target.base.dtype)}")

    def over(self, view: View) -> View:
        """The view over the indices that are really looped over."""
        if not self.flat:
            return view
        moving = any(n != 1 and s != 0 for n, s in zip(view.shape, view.strides, strict=True))
        return View(view.base, self.shape, (1 if moving else 0,), view.offset, view.turn)

    def _runs_flat(self) -> bool:
        """Short inner rows whose numbers all lie one after the other run as one long row, which vectorises."""
        shape = self.nest.shape
        if len(shape) < 2 or shape[-1] >= 32:
            return False
        views = []
        for s in self.nest.statements:
            if isinstance(s, (Pick, Scatter)) or (isinstance(s, Reduce) and len(s.axes) < len(shape)):
                return False
            reads = s.op.reads if isinstance(s, (Let, Reduce)) else [s.value] if isinstance(s.value, Var) else []
            views += [self.page.low.views[x].broadcast(shape) for x in reads]
            views += [s.target] if isinstance(s, Store) else []
            views += [of(s.op.out)] if isinstance(s, Let) and s.op.out in self.page.low.kept else []
        if any(self.page.resolved(v).base in self.page.padded for v in views):
            return False
        return all(contiguous(v.shape, v.strides) or not any(v.strides) for v in views)
