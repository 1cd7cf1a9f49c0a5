"""A suggested fix for each kind of problem that `daemon.check` reports."""

ADVICE = {
    "lost": "If you moved the file, move it back, then restart segued. The daemon rejects requests until then.",
    "modes": "Run the command given. Other users may have read the file in the meantime.",
    "schema": (
        "Another program changed the tables, and its triggers or views may change messages. `segue restore COPY --stop`"
        " restores a backup. segued refuses to start until the change is undone."
    ),
    "file": (
        "The file is damaged. Check the disk, and keep sessions.db, -wal and -shm unchanged. `segue restore COPY"
        " --stop` restores a backup. Without a backup, save what `segue list` and `segue show` can read before you"
        " start again with another database."
    ),
    "references": (
        "Rows were lost with a damaged page, or another program changed them. `segue restore COPY --stop` restores a"
        " backup. Everything that is not named is intact."
    ),
    "counters": (
        "Another program changed rows. Lists show a wrong number of messages; no message is lost. A fork of the session"
        " has the right number."
    ),
    "numbers": (
        "Another program changed rows. New messages or sessions are refused, as if the disk were full. `segue restore"
        " COPY --stop` restores a backup, and `segue import` adds what `segue export` saves from this database to it."
    ),
    "search index": (
        "If the daemon rebuilds it, there is nothing to do; searches wait for that. Otherwise proceed as for a damaged"
        " file."
    ),
}
"""The advice by the first word of a problem."""


def advice(problems: list[str]) -> list[str]:
    """Return one paragraph for each kind of problem, in the order of the problems."""
    kinds = dict.fromkeys(problem.partition(":")[0] for problem in problems)
    return [f"{kind}: {ADVICE[kind]}" for kind in kinds if kind in ADVICE]
