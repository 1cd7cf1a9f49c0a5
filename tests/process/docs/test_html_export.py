"""The HTML page of a session in a real browser: it renders, folds, searches, and runs nothing of the conversation."""

from pathlib import Path

import pytest

from segue.history import html
from segue.history.bundle import Bundle
from tests.support.system.browser import PROGRAM, Browser, browser
from tests.unit.history.histories import bundle_of, read

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="this machine has no Chromium")

HOSTILE = """\
<script>document.title = "owned"</script> <img src="http://127.0.0.1:9/x.png" onerror="document.title = 'owned'">

![picture](http://127.0.0.1:9/picture.png) [link](javascript:document.title='owned') [fine](https://example.org)

<iframe src="http://127.0.0.1:9/"></iframe> </article></main><style>body { display: none }</style>

```html"><script>document.title = "owned"</script>
</code></pre><script>document.title = "owned"</script>
```
"""


@pytest.fixture
def bundle() -> Bundle:
    found = bundle_of(read("claude")["11111111-1111-4111-8111-111111111111"])
    found.session["name"] = "</title><script>document.title = 'owned'</script>"
    found.session["system_prompt"] = HOSTILE
    found.messages[1]["content"] = HOSTILE
    found.messages[2]["parts"] = [{"type": HOSTILE}, {"type": "tool_use", "id": "1", "name": HOSTILE, "input": HOSTILE}]
    found.summaries = [{"summary": HOSTILE}]
    return found


@pytest.fixture
def page(bundle: Bundle, tmp_path: Path) -> str:
    file = tmp_path / "page.html"
    file.write_text(html.render(bundle), encoding="utf-8")
    return file.as_uri()


def shown(page: Browser) -> int:
    return int(page.evaluate("document.querySelectorAll('article:not([hidden])').length"))


def test_the_page_shows_folds_and_finds_everything_and_runs_nothing_else(
    page: str, bundle: Bundle, tmp_path: Path
) -> None:
    with browser(tmp_path / "profile") as chromium:
        chromium.open(page)
        assert shown(chromium) == len(bundle.messages)
        assert chromium.evaluate("document.title") == bundle.session["name"]
        assert chromium.evaluate("document.querySelectorAll('details[open]').length") == 0
        assert chromium.evaluate("document.querySelectorAll('img, iframe').length") == 0
        assert chromium.evaluate("[...document.links].map(a => a.protocol).join()").count("javascript") == 0
        search = "box.value = {!r}; box.dispatchEvent(new Event('input'))"
        chromium.evaluate(search.format("MISSING.txt cat"))
        assert 0 < shown(chromium) < len(bundle.messages)
        assert chromium.evaluate("document.querySelectorAll('article:not([hidden]) details[open]').length") > 0
        chromium.evaluate(search.format(""))
        assert shown(chromium) == len(bundle.messages)
        colors = []
        for scheme in ("light", "dark"):
            chromium.prefer(scheme)
            colors.append(chromium.evaluate("getComputedStyle(document.body).color"))
        assert colors[0] != colors[1]
        assert chromium.errors == []
        assert [url for url in chromium.requests if not url.startswith(("file:", "about:"))] == []
