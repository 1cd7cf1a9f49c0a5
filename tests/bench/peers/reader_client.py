"""A process that reads a session with sqlite3 repeatedly: a job in, durations out. Standard library only."""

import json
import sqlite3
import sys
import time

QUERY = """
    SELECT id, session_id, role, content, parts, token_count, input_tokens, output_tokens, model, stop_reason,
           response_ms, is_summary, key, metadata, created_at
    FROM messages WHERE session_id = :session ORDER BY id
"""


def read(connection: sqlite3.Connection, session: str) -> bytes:
    """Return the messages of a session as the result of `message.list` has them."""
    cursor = connection.execute(QUERY, {"session": session})
    names = [column[0] for column in cursor.description]
    messages = [dict(zip(names, row, strict=True)) for row in cursor]
    for message in messages:
        message["parts"] = None if message["parts"] is None else json.loads(message["parts"])
        message["metadata"] = json.loads(message["metadata"])
        message["is_summary"] = bool(message["is_summary"])
    return json.dumps({"messages": messages, "has_more": False}, ensure_ascii=False, separators=(",", ":")).encode()


def main() -> None:
    """Run the job on standard input."""
    job = json.loads(sys.stdin.readline())
    connection = sqlite3.connect(f"file:{job['path']}?mode=ro", uri=True, isolation_level=None)
    counts_from = time.perf_counter() + job["warm_up"]
    times: list[float] = []
    ended = 0.0
    while ended < counts_from + job["seconds"]:
        begun = time.perf_counter()
        read(connection, job["session"])
        if (ended := time.perf_counter()) >= counts_from:
            times.append((ended - begun) * 1000)
    print(json.dumps([times, time.process_time()]))


if __name__ == "__main__":
    main()
