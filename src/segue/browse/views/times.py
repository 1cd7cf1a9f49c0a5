"""Times as a person reads them."""

from datetime import UTC, datetime

from segue.timestamps import milliseconds

MOST_WEEKS = 9
"""Weeks: an older session has its date instead of its age."""


def now() -> datetime:
    """Return the local time."""
    return datetime.now(UTC).astimezone()


def clock(moment: str) -> str:
    """Return the local time of a timestamp, with the date if it is not today."""
    local = datetime.fromtimestamp(milliseconds(moment) / 1000, UTC).astimezone()
    today = now()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    return f"{local:%a %d %b %H:%M}" if local.year == today.year else f"{local:%Y-%m-%d %H:%M}"


def age_of(moment_ms: int) -> str:
    """Return how long ago a moment was, such as `now`, `3m`, `2h`, `5d` or `7w`; its day or month after nine weeks."""
    seconds = max(0, int(now().timestamp()) - moment_ms // 1000)
    if seconds >= MOST_WEEKS * 604_800:
        local = datetime.fromtimestamp(moment_ms / 1000, UTC).astimezone()
        return f"{local.day} {local:%b}" if local.year == now().year else f"{local:%b %Y}"
    for size, unit in ((604_800 * 2, "w"), (86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // (604_800 if unit == 'w' else size)}{unit}"
    return "now"
