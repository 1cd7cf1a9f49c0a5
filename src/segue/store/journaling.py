"""A hook at the end of each write that emitted events, in its transaction."""

from collections.abc import Callable
from typing import Any, TypeVar

from segue.store.engine.tx import Tx
from segue.store.engine.write import WriteResult

T = TypeVar("T")
A = TypeVar("A")

RunOne = Callable[[Tx, A], T]
RunGroup = Callable[[Tx, list[A]], list[WriteResult]]


class Journal:
    """The hook, which is off until `record` is set."""

    def __init__(self) -> None:
        self.record: Callable[[Tx], None] | None = None
        self._groups: dict[Any, tuple[Any, Any]] = {}

    def wrap(self, query: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[Tx], T]:
        """Return the query with its arguments, and with the hook at its end."""
        if (record := self.record) is None:
            return lambda tx: query(tx, *args, **kwargs)

        def run(tx: Tx) -> T:
            value = query(tx, *args, **kwargs)
            if tx.emitted:
                record(tx)
            return value

        return run

    def wrap_group(self, run_one: RunOne[A, T], run_group: RunGroup[A]) -> tuple[RunOne[A, T], RunGroup[A]]:
        """Return functions with the hook at the end of each query; they stay the same, as groups need it."""
        if (record := self.record) is None:
            return run_one, run_group
        if run_group not in self._groups:

            def group(tx: Tx, arguments: list[A]) -> list[WriteResult]:
                results = run_group(tx, arguments)
                for result in results:
                    if result.emitted:
                        record(Tx(tx.connection, tx.now, result.emitted))
                return results

            def one(tx: Tx, argument: A) -> T:
                value = run_one(tx, argument)
                if tx.emitted:
                    record(tx)
                return value

            self._groups[run_group] = one, group
        found: tuple[RunOne[A, T], RunGroup[A]] = self._groups[run_group]
        return found
