"""Resources, which a user attaches to a conversation, and the prompt that continues one."""

from typing import Any
from urllib.parse import quote, unquote

from segue.errors import NotFound
from segue.history.bundle import fetch
from segue.mcp.places import physical
from segue.mcp.protocol import INVALID_PARAMS, RESOURCE_NOT_FOUND, Call, ProtocolError
from segue.mcp.render import render
from segue.mcp.text import as_data, clean
from segue.mcp.tool import Session
from segue.mcp.tools import list_sessions, read_session, recall
from segue.results import Resolution, SessionPage
from segue.workflows.handoff import brief

MEMORIES = "segue://memories"
SESSION = "segue://session/"
MIME_TYPE = "text/markdown"

LISTED_SESSIONS = 20
RESOURCE_MESSAGES = 200
BRIEF_TOKENS = 4000
"""Tokens: as many as `segue handoff` has."""

TEMPLATES = {
    "resourceTemplates": [
        {
            "uriTemplate": f"{SESSION}{{id}}",
            "name": "session",
            "title": "Conversation",
            "description": "The newest messages of a stored conversation.",
            "mimeType": MIME_TYPE,
        }
    ]
}

PROMPTS = {
    "prompts": [
        {
            "name": "continue_conversation",
            "title": "Continue the conversation of a directory",
            "description": "A brief of the newest stored conversation of a directory: goal, files, open errors.",
            "arguments": [
                {"name": "directory", "description": "Absolute path; `.` is the current one.", "required": True}
            ],
        }
    ]
}


def list_resources(session: Session) -> dict[str, Any]:
    """Return the memories and the newest sessions."""
    sessions = list_sessions(session, limit=LISTED_SESSIONS).sessions
    memories = {"uri": MEMORIES, "name": "memories", "title": "Memories", "mimeType": MIME_TYPE}
    rows = [
        {
            "uri": SESSION + quote(row.session_id, safe=""),
            "name": row.session_id,
            "title": row.name or row.preview or row.session_id,
            "description": " · ".join(fact for fact in (row.directory, row.last_message_at) if fact),
            "mimeType": MIME_TYPE,
        }
        for row in sessions
    ]
    return {"resources": [memories, *rows]}


def read_resource(session: Session, call: Call) -> dict[str, Any]:
    """Return the text of a resource.

    Raises:
        ProtocolError: The URI names none.
    """
    uri = call.params.get("uri")
    if not isinstance(uri, str):
        raise ProtocolError(INVALID_PARAMS, "uri must be a string")
    unknown = ProtocolError(INVALID_PARAMS if call.modern else RESOURCE_NOT_FOUND, "no such resource", {"uri": uri})
    if uri == MEMORIES:
        text = render(recall(session))
    elif uri.startswith(SESSION):
        try:
            text = render(read_session(session, session_id=unquote(uri.removeprefix(SESSION)), limit=RESOURCE_MESSAGES))
        except NotFound:
            raise unknown from None
    else:
        raise unknown
    return {"contents": [{"uri": uri, "mimeType": MIME_TYPE, "text": text}]}


def get_prompt(session: Session, call: Call) -> dict[str, Any]:
    """Return the prompt that continues the newest conversation of a directory.

    Raises:
        ProtocolError: There is no such prompt, or no conversation, or the directory is missing.
    """
    name, arguments = call.params.get("name"), call.params.get("arguments")
    if name != "continue_conversation":
        raise ProtocolError(INVALID_PARAMS, f"no prompt {name!r}; there is continue_conversation")
    directory = arguments.get("directory") if isinstance(arguments, dict) else None
    if not isinstance(directory, str) or not directory:
        raise ProtocolError(INVALID_PARAMS, "argument directory: required, an absolute path")
    place = physical(directory) or ""
    session_id = _newest(session, place)
    if session_id is None:
        raise ProtocolError(INVALID_PARAMS, f"no stored conversation in {place}; search_history searches all")
    bundle = fetch(session.daemon.client, session_id)
    text = brief(bundle.session, bundle.messages, min(BRIEF_TOKENS, session.tokens))
    begin = f"Continue the conversation {session_id} of {place}. This is a brief of it, made without a model."
    end = f"read_session with session_id={session_id} shows more. Say in one sentence what the state is, then continue."
    return {
        "description": f"Brief of {session_id}",
        "messages": [{"role": "user", "content": {"type": "text", "text": f"{begin}\n{as_data(clean(text))}\n{end}"}}],
    }


def _newest(session: Session, directory: str) -> str | None:
    """Return the session that the directory continues, else its newest one, also if another tool wrote it."""
    found = session.daemon.call("session.resolve", Resolution, working_dir=directory, create=False)
    if found.session is not None:
        return found.session.id
    page = session.daemon.call("session.list", SessionPage, working_dir=directory, limit=1, preview_chars=0)
    return page.sessions[0].id if page.sessions else None
