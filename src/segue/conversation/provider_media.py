"""Images, recordings and files as blocks of a provider's request.

A part that a provider does not take, or that lacks what its block needs, becomes its type as text: `[image]`.
"""

import re
from collections.abc import Sequence
from typing import Any

from segue.conversation.parts import Part, is_media, is_text

IMAGE_TYPES = frozenset(f"image/{name}" for name in ("jpeg", "png", "gif", "webp"))
AUDIO_FORMATS = frozenset(("wav", "mp3"))

_DATA_URL = re.compile(r"data:([^;,]+);base64,(.*)", re.DOTALL)


def media_of(parts: Sequence[Part] | None) -> list[Part]:
    """Return the parts that are media."""
    return [part for part in parts or () if is_media(part) and not is_text(part)]


def openai_media(part: Part) -> Part:
    """Return a media part as a content part of chat completions."""
    url = _image_url(part)
    if url is not None:
        return {"type": "image_url", "image_url": {"url": url}}
    audio, file = part.get("input_audio"), part.get("file")
    if isinstance(audio, dict) and isinstance(audio.get("data"), str) and str(audio.get("format")) in AUDIO_FORMATS:
        return {"type": "input_audio", "input_audio": {"data": audio["data"], "format": audio["format"]}}
    names = ("file_data", "file_id", "filename")
    given = {name: file[name] for name in names if isinstance(file.get(name), str)} if isinstance(file, dict) else {}
    return {"type": "file", "file": given} if given else _as_text(part)


def anthropic_media(part: Part) -> Part:
    """Return a media part as a content block of messages."""
    url = _image_url(part)
    if url is not None:
        data = _DATA_URL.fullmatch(url)
        if data is None:
            return {"type": "image", "source": {"type": "url", "url": url}}
        if data[1] in IMAGE_TYPES:
            return {"type": "image", "source": {"type": "base64", "media_type": data[1], "data": data[2]}}
    source = part.get("source")
    if part.get("type") == "document" and isinstance(source, dict) and _is_document(source):
        return {"type": "document", "source": source}
    return _as_text(part)


def _image_url(part: Part) -> str | None:
    """Return the URL of an image in any of the shapes, with its data if it holds them."""
    source, url = part.get("source"), part.get("image_url")
    url = url.get("url") if isinstance(url, dict) else url
    if part.get("type") == "image" and isinstance(source, dict):
        url = source.get("url")
        if source.get("type") == "base64" and isinstance(source.get("data"), str):
            url = f"data:{source.get('media_type')};base64,{source['data']}"
    return url if isinstance(url, str) and url else None


def _is_document(source: dict[str, Any]) -> bool:
    kind, data = (source.get("type"), source.get("media_type")), source.get("data")
    if kind in (("base64", "application/pdf"), ("text", "text/plain")):
        return isinstance(data, str) and bool(data)
    return source.get("type") == "url" and isinstance(source.get("url"), str)


def _as_text(part: Part) -> Part:
    source = part.get("source")
    if isinstance(source, dict) and source.get("type") == "text" and isinstance(source.get("data"), str):
        return {"type": "text", "text": source["data"] or "[document]"}
    return {"type": "text", "text": f"[{part.get('type')}]"}
