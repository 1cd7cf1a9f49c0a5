"""The cost of segue in a shell prompt: `python -m tests.bench.parts.prompt`.

The script renders a thousand prompts in each shell: without segue, with a running daemon, with a stopped daemon and
with none. The shell measures the time; fish has no clock, so there the script measures when fish writes. The first
rendering counts too. The output is in milliseconds.
"""

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.support.process import Segued

ROUNDS = 1000
ROUNDS_FISH = 200

LOOP = """
eval "$(segue init {shell})"
SEGUE_PROMPT_SECONDS={seconds}
for ((round = 0; round < {rounds}; round++)); do
  begun=$EPOCHREALTIME
  {call}
  echo "$begun $EPOCHREALTIME"
done
"""


def render(shell: str, folder: Path, environment: dict[str, str], *, with_segue: bool, seconds: int) -> list[float]:
    """Return the milliseconds of each rendering, sorted."""
    call = "segue_prompt" if with_segue else ":"
    text = LOOP.format(shell=shell, seconds=seconds, rounds=ROUNDS, call=call)
    clean = {"zsh": ["zsh", "-f"], "bash": ["bash", "--norc", "--noprofile"]}[shell]
    script = folder / f"bench.{shell}"
    script.write_text(("zmodload zsh/datetime\n" if shell == "zsh" else "") + text)
    done = subprocess.run([*clean, script], env=environment, cwd=folder, capture_output=True, text=True, check=True)
    pairs = (line.split() for line in done.stdout.splitlines())
    return sorted((float(end) - float(begun)) * 1000 for begun, end in pairs)


def render_fish(folder: Path, environment: dict[str, str], *, with_segue: bool, seconds: int) -> list[float]:
    """Return the milliseconds of each rendering in fish, sorted; each ends when fish writes a line."""
    call = "__segue_update" if with_segue else "true"
    script = folder / "bench.fish"
    script.write_text(
        f"segue init fish | source\nset SEGUE_PROMPT_SECONDS {seconds}\necho\n"
        f"for round in (seq {ROUNDS_FISH})\n{call}\necho\nend\n"
    )
    taken: list[float] = []
    with subprocess.Popen(
        ["fish", "--no-config", script], env=environment, cwd=folder, stdout=subprocess.PIPE, bufsize=0
    ) as fish:
        assert fish.stdout is not None
        fish.stdout.read(1)
        before = time.perf_counter()
        while fish.stdout.read(1):
            now = time.perf_counter()
            taken.append((now - before) * 1000)
            before = now
    return sorted(taken)


def row(title: str, times: list[float]) -> None:
    """Print one line of the table."""
    cells = (times[len(times) // 2], times[len(times) * 99 // 100], times[-1])
    print(f"{title:44}" + "".join(f"{cell:9.2f}" for cell in cells), flush=True)


def measure(shell: str, title: str, folder: Path, segued: Segued, *, with_segue: bool = True, seconds: int = 0) -> None:
    """Render one kind of prompt and print its line."""
    environment = segued.environment
    if shell == "fish":
        times = render_fish(folder, environment, with_segue=with_segue, seconds=seconds)
    else:
        times = render(shell, folder, environment, with_segue=with_segue, seconds=seconds)
    row(f"{shell}: {title}", times)


def main() -> None:
    """Print the table."""
    print(f"{'ms':44}" + "".join(f"{title:>9}" for title in ("p50", "p99", "max")))
    for shell in ("zsh", "bash", "fish"):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(os.path.realpath(name))
            segued = Segued(folder)
            segued.start()
            segued.connect().call("session.create", working_dir=str(folder), name="how to sort a dict")
            measure(shell, "without segue", folder, segued, with_segue=False)
            measure(shell, "live, asked each time", folder, segued)
            measure(shell, "live, cached", folder, segued, seconds=3600)
            os.kill(segued.pid, signal.SIGSTOP)
            measure(shell, "stopped", folder, segued)
            os.kill(segued.pid, signal.SIGCONT)
            segued.stop()
            measure(shell, "none", folder, segued)


if __name__ == "__main__":
    main()
