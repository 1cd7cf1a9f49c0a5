"""Show how far a long command is: a bar on a terminal, one line a step elsewhere, both on standard error.

Nothing is shown in the first second, so quick commands print nothing. A command that is interrupted prints what is done
and how to continue.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Self

from segue.cli.output.terminal import size, stderr_is_tty, warn
from segue.runtime.progress import Progress

SHOW_SECONDS = 1.0
"""Seconds: shorter work shows nothing."""

DRAW_SECONDS = 0.2
"""Seconds between two looks at the progress."""

BAR_CELLS, LEAST_BAR = 30, 8
"""Cells: the widest bar, and the narrowest one that is drawn."""

END_SECONDS = 1.0
"""Seconds that the end waits for the thread. It draws in milliseconds, but may ask a daemon that hangs."""

LEAST_PACED = 20
"""Number: a step with fewer things shows for how long it runs. They differ, so their rate says nothing."""

CTRL_C_CELLS = 3
"""Cells: the end of the line that stays empty, so that the `^C` of the terminal does not begin another line."""

CLEAR_LINE = "\r\x1b[K"


class ProgressDisplay:
    """A display of a progress for the length of a context.

    `refresh` is called before each drawing, to ask how far another process is.
    `after_interrupt` is printed after Ctrl-C.
    """

    def __init__(
        self,
        progress: Progress,
        after_interrupt: str = "",
        *,
        refresh: Callable[[], None] | None = None,
        quiet: bool = False,
    ) -> None:
        self.progress = progress
        self._after_interrupt = after_interrupt
        self._refresh = refresh
        self._quiet = quiet
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._step = ""
        self._drawn = False
        self._began = self._shown_since = time.monotonic()
        self._first = 0

    def __enter__(self) -> Self:
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._stopped.set()
        if not self._quiet:
            self._thread.join(END_SECONDS)
        if isinstance(error, KeyboardInterrupt) and self._after_interrupt:
            done = self._counts() if self.progress.step else ""
            warn(f"interrupted{f' at {done}' if done else ''}; {self._after_interrupt}")

    def _run(self) -> None:
        has_bar = stderr_is_tty() and os.environ.get("TERM") not in (None, "", "dumb")
        wait = SHOW_SECONDS
        try:
            while not self._stopped.wait(wait):
                wait = DRAW_SECONDS
                if self._refresh is not None:
                    self._refresh()
                if self.progress.step and not self._stopped.is_set():
                    self._show(has_bar=has_bar)
            if self._drawn:
                self._write(CLEAR_LINE)
        except OSError:  # Standard error is closed
            return

    def _show(self, *, has_bar: bool) -> None:
        progress = self.progress
        if progress.step != self._step:
            self._step, self._shown_since, self._first = progress.step, time.monotonic(), progress.done
            if not has_bar:
                total = f" ({_amount(progress.total, progress.unit)})" if progress.total is not None else ""
                self._write(f"segue: {progress.job}: {progress.step}{total}\n")
        if has_bar:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            self._write(CLEAR_LINE + self._line(columns - CTRL_C_CELLS))
            self._drawn = True

    def _line(self, columns: int) -> str:
        """Return the line: job, step, bar, counts, rate and time left; as much of it as there is room for."""
        progress, seconds = self.progress, time.monotonic() - self._shown_since
        job, head, note = progress.job, f"{progress.job}: {progress.step}", progress.note
        counted = counts(progress.done, progress.total, progress.unit)
        done, total = progress.done, progress.total
        if total is None:
            return f"{head}  {time.monotonic() - self._began:.0f} s"[:columns]
        rate, left = self._pace(seconds)
        for first, has_bar, facts in (
            (head, True, (counted, note, rate, left)),
            (head, True, (counted, rate, left)),
            (head, True, (counted, left)),
            (job, True, (counted, left)),
            (job, False, (counted, left)),
            (job, False, (counted,)),
        ):
            about = "  ".join(filter(None, facts))
            room = columns - len(first) - len(about) - 4
            if has_bar and room >= LEAST_BAR:
                return f"{first}  {_bar(done, total, min(room, BAR_CELLS))}  {about}"
            if not has_bar and room + 2 >= 0:
                break
        return f"{first}  {about}"[:columns]

    def _pace(self, seconds: float) -> tuple[str, str]:
        """Return the rate and the time left. A few long steps have none, but the time since the last one began."""
        progress = self.progress
        if (progress.total or 0) < LEAST_PACED:
            return "", f"{seconds:.0f} s"
        rate = (progress.done - self._first) / seconds if seconds > 0 else 0
        if rate <= 0 or not progress.unit:
            return "", ""
        left = (progress.total or 0) - progress.done
        shown = size(round(rate)) if progress.unit == "bytes" else _number(rate)
        return f"{shown}/s", f"{_duration(left / rate)} left" if left > 0 else ""

    def _counts(self) -> str:
        progress = self.progress
        return "  ".join(filter(None, (counts(progress.done, progress.total, progress.unit), progress.note)))

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


def _bar(done: int, total: int, cells: int) -> str:
    full, empty = ("█", "░") if (sys.stderr.encoding or "").lower().startswith("utf") else ("#", "-")
    filled = cells if total <= 0 else min(cells, done * cells // total)
    return full * filled + empty * (cells - filled)


def counts(done: int, total: int | None, unit: str) -> str:
    """Return how much of a step is done, such as `3 of 12 sessions`; nothing if that is not known."""
    if total is None or not unit:
        return ""
    if unit == "bytes":
        return f"{size(min(done, total))} of {size(total)}"
    return f"{_number(done)} of {_amount(total, unit)}"


def _amount(count: int, unit: str) -> str:
    return size(count) if unit == "bytes" else f"{_number(count)} {unit}"


def _number(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ") if number >= 10 or number == int(number) else f"{number:.1f}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
