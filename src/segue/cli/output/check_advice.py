"""What a person should do about each kind of problem that `daemon.check` finds."""

ADVICE = {
    "lost": "Put the file back if you moved it, then restart segued; what clients send until then is refused.",
    "modes": "Run the command given; whoever could read the file meanwhile may have.",
    "file": (
        "The file is damaged: look after the disk, and keep sessions.db, -wal and -shm as they are. `segue restore COPY"
        " --stop` takes the newest backup back; without one, save what can be read, with `segue list` and `segue show`,"
        " before you start again with another database."
    ),
    "references": (
        "Rows were lost with a damaged page, or changed by another program: `segue restore COPY --stop` takes a backup"
        " back; what is not named is sound."
    ),
    "counters": (
        "Rows were changed by another program: lists show a wrong number of messages, and nothing is lost. A fork of"
        " the session counts anew."
    ),
    "search index": "Nothing, if it is made anew: every search waits for that. Otherwise as for a damaged file.",
}
"""By the word with which the daemon's sentence begins."""


def advice(problems: list[str]) -> list[str]:
    """One paragraph for each kind among the problems, in their order."""
    kinds = dict.fromkeys(problem.partition(":")[0] for problem in problems)
    return [f"{kind}: {ADVICE[kind]}" for kind in kinds if kind in ADVICE]
