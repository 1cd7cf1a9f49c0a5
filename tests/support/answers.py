"""Answers compared without their words: the contract fixes codes and kinds, never wording."""

from typing import Any

from tests.support.schema import check_error


def failed(code: int, id: Any = None) -> dict[str, Any]:
    """The error answer with that code, as `wordless` leaves it."""
    return {"jsonrpc": "2.0", "error": {"code": code}, "id": id}


def wordless(answer: Any) -> Any:
    """The answer with nothing but the code left of its errors, which are checked to be well-formed."""
    if isinstance(answer, list):
        return [wordless(one) for one in answer]
    if "error" not in answer:
        return answer
    check_error("a method of no document", answer["error"])
    return {**answer, "error": {"code": answer["error"]["code"]}}
