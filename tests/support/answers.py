"""Responses without their error messages, because the contract fixes codes and kinds, but no wording."""

from typing import Any

from tests.support.schema import check_error


def failed(code: int, id: Any = None) -> dict[str, Any]:
    """Return an error response with a code and no message."""
    return {"jsonrpc": "2.0", "error": {"code": code}, "id": id}


def wordless(answer: Any) -> Any:
    """Check the form of each error in a response, and return the response with only the codes."""
    if isinstance(answer, list):
        return [wordless(one) for one in answer]
    if "error" not in answer:
        return answer
    check_error("a method of no document", answer["error"])
    return {**answer, "error": {"code": answer["error"]["code"]}}
