"""How far a training is: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["ProgressDisplay"]

logger = logging.getLogger("snellen.training")
# Without a run folder the log goes nowhere: notes are shown once, on the console.
logging.getLogger("snellen").addHandler(logging.NullHandler())

REFRESH = 0.25  # seconds between redrawings of the bar
LINES = 30.0  # seconds between lines where there is no terminal


class ProgressDisplay:
    """Shows loss, steps per second and time left of one training on standard error.

    Args:
        title: what is being trained, such as ``ms-ssim seed 0``.
        steps: steps in all.
        start: steps done before.
        console: where to show it; None shows nothing (notes still reach the log).
    """

    def __init__(self, title: str, steps: int, start: int, console: Console | None) -> None:
        self.title, self.steps, self.start = title, steps, start
        self.console = console
        self._began = self._shown = time.monotonic()
        self._bar: Progress | None = None
        if console is not None and console.is_terminal:
            # Redrawn by hand: a thread that wakes ten times a second is felt on two cores.
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("loss {task.fields[loss]}"),
                TextColumn("{task.fields[speed]} steps/s"),
                TimeRemainingColumn(),
                console=console,
                auto_refresh=False,
            )
            self._task = self._bar.add_task(
                escape(title), total=steps, completed=start, loss="–", speed="–"
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.stop()

    def update(self, done: int, loss: float | None) -> None:
        """Show that `done` steps are done; cheap enough to call after every step."""
        now = time.monotonic()
        soon = now - self._shown < (LINES if self._bar is None else REFRESH)
        at_end = self._bar is not None and done == self.steps
        if self.console is None or (soon and not at_end):
            return
        self._shown = now
        speed = (done - self.start) / max(now - self._began, 1e-9)
        value = "–" if loss is None else f"{loss:.4g}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, loss=value, speed=f"{speed:.1f}")
            self._bar.refresh()
            return
        left = int((self.steps - done) / max(speed, 1e-9))
        self._say(
            f"{self.title}: step {done} of {self.steps}, loss {value}, {speed:.1f} steps/s, "
            f"{left // 60} min {left % 60:02d} s left"
        )

    def note(self, text: str) -> None:
        """Tell the user something, above the bar, and the log."""
        logger.warning(text)
        self._say(text)

    def _say(self, text: str) -> None:
        if self.console is not None:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)
