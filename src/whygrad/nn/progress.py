"""Who is told how training goes: a progress bar in a terminal, nobody elsewhere, or the user's own object."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from whygrad.errors import ArgumentError
from whygrad.nn.history import Epoch

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from whygrad.diagnosis.watch import Appeared


class Reporter(Protocol):
    """What training tells: it begins, steps are done, an epoch is over, it ended and why (``note``, may be empty)."""

    def begin(self, epochs: int, steps: int) -> None:
        """Training begins: ``epochs`` of ``steps`` steps each."""

    def step(self, count: int) -> None:
        """So many more steps are done: 1 with NumPy; compiled, what takes 50 to 150 ms."""

    def epoch(self, number: int, epoch: Epoch) -> None:
        """Epoch ``number``, counted from 1, is over."""

    def end(self, note: str) -> None:
        """Training is over."""


class TellsFindings(Protocol):
    """A reporter that is also told what ``watch=True`` finds, when it appears."""

    def finding(self, appeared: Appeared) -> None:
        """Something was found."""


def teller(reporter: Reporter) -> Callable[[Appeared], None]:
    """How this reporter is told of findings: by its method ``finding``, if it has one."""
    tell: Callable[[Appeared], None] = getattr(reporter, "finding", lambda appeared: None)
    return tell


class Silence:
    """Tells nobody."""

    def begin(self, epochs: int, steps: int) -> None:
        """Nothing."""

    def step(self, count: int) -> None:
        """Nothing."""

    def epoch(self, number: int, epoch: Epoch) -> None:
        """Nothing."""

    def end(self, note: str) -> None:
        """Nothing."""


class FindingsOnly(Silence):
    """Tells nothing but what ``watch=True`` finds: for logs, where a bar would be noise."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def finding(self, appeared: Appeared) -> None:
        """Print it."""
        self._console.print(str(appeared), highlight=False, markup=False)


class Bar:
    """A progress bar with the last epoch's numbers."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._every, self._waiting = 1, 0

    def begin(self, epochs: int, steps: int) -> None:
        """Show the bar, empty."""
        self._progress.start()
        self._task = self._progress.add_task("training", total=epochs * steps)
        self._every = max(1, steps // 50)  # an update takes about as long as a small step

    def step(self, count: int) -> None:
        """Move on, now and then."""
        self._waiting += count
        if self._waiting >= self._every and self._task is not None:
            self._progress.advance(self._task, self._waiting)
            self._waiting = 0

    def epoch(self, number: int, epoch: Epoch) -> None:
        """Show what the epoch brought."""
        accuracy = epoch.accuracy if epoch.validation_accuracy is None else epoch.validation_accuracy
        numbers = [f"epoch {number}", f"cost {epoch.cost:.4g}"]
        numbers += [] if accuracy is None else [f"accuracy {accuracy:.2%}"]
        if self._task is not None:
            self._progress.update(self._task, description=", ".join(numbers))

    def finding(self, appeared: Appeared) -> None:
        """Print it above the bar."""
        self._progress.console.print(str(appeared), highlight=False, markup=False)

    def end(self, note: str) -> None:
        """Leave the last line standing, and say why training ended early."""
        self._progress.stop()
        if note:
            self._progress.console.print(note, highlight=False)


def reporter(progress: bool | Reporter) -> Reporter:
    """The user's own reporter; for True a bar, if somebody is looking at a terminal."""
    if not isinstance(progress, bool):
        if not all(hasattr(progress, step) for step in ("begin", "step", "epoch", "end")):
            raise ArgumentError(f"progress={progress!r} is not a reporter",
                                try_="True, False, or an object with the methods of whygrad.nn.progress.Reporter")
        return progress
    if not progress:
        return Silence()
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Bar(Progress(console=console)) if console.is_terminal else FindingsOnly(console)
