"""The site of scripts/docs.py: it is whole, and a real browser shows it without a word or a request."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag

import pytest

import docs
import node_tools

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--enable-logging=stderr", "--virtual-time-budget=5000"),
)
PAGES = {
    "index.html": "yandex-market-chats",
    "index.ru.html": "yandex-market-chats",
    "changelog.html": "Changelog",
    "contributing.html": "Contributing",
    "security.html": "Security",
    "examples.html": "Examples",
    "contract.html": "Yandex Market chats",
    "reference/yandex_market_chats.html": "yandex_market_chats API documentation",
    "reference/yandex_market_chats/sandbox.html": "yandex_market_chats.sandbox API documentation",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site once; where Redocly cannot be installed, as without a network, nothing here can run."""
    try:
        node_tools.command("redocly")
    except subprocess.CalledProcessError:
        if "CI" in os.environ:
            raise
        pytest.skip("npm could not install @redocly/cli")
    folder = tmp_path_factory.mktemp("documentation") / "site"
    docs.build(folder)
    return folder


class Look(NamedTuple):
    """What a browser made of a page."""

    title: str
    html: str
    console: list[str]
    requests: list[str]


def look(page: str, folder: Path) -> Look:
    """Open a URL in a new browser; skip the test where there is none, unless CI_BROWSER says there is."""
    if CHROMIUM is None:
        if os.environ.get("CI_BROWSER") == "1":
            pytest.fail("no Chromium or Chrome is on the path, but CI_BROWSER asks for one")
        pytest.skip("no Chromium or Chrome is on the path")
    log = folder / "net.json"
    places = (f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}")
    ended = subprocess.run(
        [CHROMIUM, *FLAGS, *places, "--dump-dom", page],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    started = [event.get("params", {}) for event in json.loads(log.read_text(encoding="utf-8"))["events"]]
    titles = re.findall(r"<title>(.*?)</title>", ended.stdout)
    return Look(
        title=titles[0] if titles else "",
        html=re.sub(r"(?s)<(script|style)\b.*?</\1>", "", ended.stdout),
        console=[
            message
            for message in re.findall(r'(?s):CONSOLE:\d+\] "(.*?)", source: ', ended.stderr)
            if not message.strip().startswith("%c Redoc ")  # Redoc's name and version, no complaint
        ],
        # What the browser asks on its own account, such as for its updates, has no page as its initiator.
        requests=[
            params["url"]
            for params in started
            if params.get("initiator", "not an origin") != "not an origin"
            and not params["url"].startswith(("file:", "data:", "blob:"))
        ],
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_browser_shows_every_page_without_a_word_or_a_request(
    site: Path, tmp_path: Path, page: str
) -> None:
    """The title is right, the console is empty, and nothing leaves the machine."""
    seen = look((site / page).as_uri(), tmp_path)
    assert (seen.title, seen.console, seen.requests) == (PAGES[page], [], [])


def test_a_browser_shows_the_operation(site: Path, tmp_path: Path) -> None:
    """The rendered contract, and not only its source, has the call and each of its answers."""
    html = look(f"{site.as_uri()}/{docs.CONTRACT}", tmp_path).html
    assert "Send a message to a chat" in html
    assert "/v2/businesses/{businessId}/chats/message" in html.replace("<wbr>", "")
    assert {"200", "400", "401", "403", "404", "420", "500"} <= set(re.findall(r">\s*(\d{3})\s*<", html))


def test_the_browser_notices_what_would_be_wrong(tmp_path: Path) -> None:
    """The tests above are not blind: complaints, pictures from elsewhere and calls of workers are seen."""
    page = tmp_path / "page.html"
    page.write_text(
        '<title>Wrong</title><img src="http://192.0.2.1/picture"><script>'
        "new Worker(URL.createObjectURL(new Blob([`fetch('http://192.0.2.2/call')`])));"
        "console.error('complaint'); missing()</script>"
    )
    seen = look(page.as_uri(), tmp_path)
    assert seen.title == "Wrong"
    assert {"complaint", "Uncaught ReferenceError: missing is not defined"} <= set(seen.console)
    assert {"http://192.0.2.1/picture", "http://192.0.2.2/call"} <= set(seen.requests)


def test_a_browser_cuts_no_signature_off(site: Path, tmp_path: Path) -> None:
    """The long types of the generated functions can be read to their end without scrolling."""
    text = next(site.rglob("send_message_to_chat.html")).read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    count = (
        "const cut = [...document.querySelectorAll('.attr')].map(e => e.scrollWidth > e.clientWidth);"
        "document.title = [cut.length, cut.includes(true)]"
    )
    page.write_text(f"{text}<script>{count}</script>", encoding="utf-8")
    assert look(page.as_uri(), tmp_path).title == "4,false"


@pytest.mark.skipif(os.name == "nt", reason=".ci/run is not for Windows")
@pytest.mark.parametrize("found", [[], ["google-chrome"]])
def test_the_gate_says_when_there_is_no_browser(tmp_path: Path, found: list[str]) -> None:
    """It looks for what the tests look for, and a run that skipped them ends with a word about it."""
    for name in found:
        (tmp_path / name).touch(mode=0o755)
    gate = (docs.ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for line in gate.splitlines() if line.startswith("browser")]
    ended = subprocess.run(
        [str(shutil.which("bash")), "-c", "\n".join(lines)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert ("skipped" in ended.stdout) is not bool(found)
    assert f"command -v {' '.join(BROWSERS)} " in lines[0]


def test_every_link_in_the_site_leads_somewhere(site: Path) -> None:
    """A link leads to a page that is there, and to a heading that it has."""
    scripts = re.compile(r"(?s)<script\b.*?</script>")
    texts = {path: scripts.sub("", path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    del texts[site / "contract.html"]  # it makes its anchors itself
    dead = []
    for path, text in texts.items():
        for link in re.findall(r'<a [^>]*href="([^"]+)"', text):
            target, anchor = map(unquote, urldefrag(link))
            there = (path.parent / target).resolve() if target else path
            alive = there.exists() and (not anchor or there not in texts or _has(texts[there], anchor))
            if not (alive or link.startswith("https://")):
                dead.append((path.name, link))
    assert dead == []


def _has(text: str, anchor: str) -> bool:
    return f'id="{anchor}"' in text


def test_every_page_leads_to_the_guide(site: Path) -> None:
    """Nobody is caught in the reference or in the contract."""
    guide = site / "index.html"
    for path in site.rglob("*.html"):
        links = re.findall(r'<a [^>]*href="([^"#]+)"', path.read_text(encoding="utf-8"))
        assert guide in [(path.parent / link).resolve() for link in links], path


def test_of_credentials_only_the_constructor_is_in_the_reference(site: Path) -> None:
    """What the client alone calls is no promise to users."""
    text = (site / "reference" / "yandex_market_chats.html").read_text(encoding="utf-8")
    methods = re.findall(
        r'<div id="(ApiKey|OAuthToken)\.(\w+)" class="classattr">\s*<div class="attr function', text
    )
    assert methods == [("ApiKey", "__init__"), ("OAuthToken", "__init__")]


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    """What can be imported is described, and what a client has from its private base too."""
    clients = (site / "reference" / "yandex_market_chats.html").read_text(encoding="utf-8")
    assert _has(clients, "MarketChats.__init__")
    assert _has(clients, "AsyncMarketChats.with_options")
    for module in ("yandex_market_chats", "yandex_market_chats.sandbox"):
        text = (site / "reference" / f"{module.replace('.', '/')}.html").read_text(encoding="utf-8")
        names = __import__(module, fromlist=["__all__"]).__all__
        assert [name for name in names if not _has(text, name)] == []


def test_a_link_to_nowhere_ends_the_build() -> None:
    """A page may only link to what the site has."""
    with pytest.raises(KeyError, match=r"missing\.md"):
        docs.page("# Title\n\n[there](missing.md)", "en")
