"""The site of scripts/docs.py: complete, and shown by a browser without errors or requests."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag

import pytest

import docs
import node_tools
import yandex_market_chats
from pages import read
from yandex_market_chats import AsyncMarketChats, MarketChats, bulk, sandbox

pytestmark = pytest.mark.tooling

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--enable-logging=stderr", "--virtual-time-budget=10000"),
)
PHONE = 390
"""Pixels."""
PROBE = """<script>
addEventListener("load", () => setTimeout(() => parent.postMessage({
  title: document.title,
  language: document.documentElement.lang,
  width: document.documentElement.scrollWidth,
  cells: [...document.querySelectorAll("td:first-child")].map(cell => cell.getBoundingClientRect().right),
}, "*")))
</script>"""
COLLECT = "<script>onmessage = event => document.body.append(JSON.stringify(event.data), '\\n')</script>"


class Look(NamedTuple):
    """What a browser showed, reported and requested for a page."""

    html: str
    console: list[str]
    requests: list[str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site once; where npm cannot install Redocly, as without a network, skip."""
    try:
        node_tools.command("redocly")
    except subprocess.CalledProcessError:
        if "CI" in os.environ:
            raise
        pytest.skip("npm could not install @redocly/cli")
    folder = tmp_path_factory.mktemp("documentation") / "site"
    docs.build(folder)
    return folder


def look(url: str, folder: Path) -> Look:
    """Open a URL in a new browser; where there is no browser, skip, or fail if CI_BROWSER is 1."""
    if CHROMIUM is None:
        if os.environ.get("CI_BROWSER") == "1":
            pytest.fail("CI_BROWSER is 1, but no Chromium or Chrome is on the path")
        pytest.skip("no Chromium or Chrome is on the path")
    log = folder / "net.json"
    outputs = (f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}")
    ended = subprocess.run(
        [CHROMIUM, *FLAGS, *outputs, "--dump-dom", url],
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=120,
    )
    started = [event.get("params", {}) for event in json.loads(log.read_text(encoding="utf-8"))["events"]]
    return Look(
        html=re.sub(r"(?s)<(script|style)\b.*?</\1>", "", ended.stdout),
        console=[
            message
            for message in re.findall(r'(?s):CONSOLE:\d+\] "(.*?)", source: ', ended.stderr)
            if not message.strip().startswith("%c Redoc ")  # its name and version
        ],
        # Requests of the browser itself, such as for its updates, have no page as their initiator.
        requests=[
            params["url"]
            for params in started
            if params.get("initiator", "not an origin") != "not an origin"
            and not params["url"].startswith(("file:", "data:", "blob:"))
        ],
    )


def show(pages: Iterable[Path], folder: Path) -> Look:
    """Open pages in frames of one browser window, each as wide as a phone."""
    frames = [f'<iframe src="{page.as_uri()}" width={PHONE} height=800></iframe>' for page in pages]
    gallery = folder / "gallery.html"
    gallery.write_text("\n".join(["<!doctype html><body>", COLLECT, *frames]))
    return look(gallery.as_uri(), folder)


@pytest.fixture(scope="module")
def shown(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Look:
    """Show a copy of all pages, each of which reports what it looks like."""
    copy = tmp_path_factory.mktemp("shown") / "site"
    shutil.copytree(site, copy)
    pages = sorted(copy.rglob("*.html"))
    for page in pages:
        with page.open("a", encoding="utf-8") as file:
            file.write(PROBE)
    return show(pages, copy.parent)


def reports(shown: Look) -> list[dict[str, Any]]:
    """Return what the pages reported."""
    return [json.loads(line) for line in re.findall(r'\{"title".*\}', shown.html)]


def test_browser_shows_every_page_without_errors_or_requests(shown: Look, site: Path) -> None:
    """The site works from the disk and offline, and no page contacts another host."""
    assert (shown.console, shown.requests) == ([], [])
    assert len(reports(shown)) == len(list(site.rglob("*.html")))


def test_every_page_fits_on_a_phone(shown: Look) -> None:
    """A wide table or a long name scrolls by itself, and does not make the whole page scroll."""
    assert {report["title"]: report["width"] for report in reports(shown) if report["width"] > PHONE} == {}


@pytest.mark.parametrize("title", ["Outcomes", "Исходы"])
def test_delivery_is_on_the_screen_of_a_phone(shown: Look, title: str) -> None:
    """The column that decides what to do next must not be found by scrolling."""
    (report,) = (report for report in reports(shown) if report["title"].startswith(title))
    assert report["cells"]
    assert max(report["cells"]) < PHONE


def test_browser_detects_errors_and_requests(tmp_path: Path) -> None:
    """The tests above detect console errors, pictures from another host, and requests of workers."""
    page = tmp_path / "page.html"
    page.write_text(
        '<img src="http://192.0.2.1/picture"><script>'
        "new Worker(URL.createObjectURL(new Blob([`fetch('http://192.0.2.2/call')`])));"
        f"console.error('complaint'); missing()</script>{PROBE}<pre>{'wide' * PHONE}"
    )
    seen = show([page], tmp_path)
    assert {"complaint", "Uncaught ReferenceError: missing is not defined"} <= set(seen.console)
    assert {"http://192.0.2.1/picture", "http://192.0.2.2/call"} <= set(seen.requests)
    assert reports(seen)[0]["width"] > PHONE


@pytest.mark.parametrize(
    ("page", "language", "query"), [("index.html", "en", "promises"), ("ru/index.html", "ru", "обещает")]
)
def test_search_finds_a_page_that_is_opened_from_the_disk(
    site: Path, tmp_path: Path, page: str, language: str, query: str
) -> None:
    """The search needs no server, and each language has its own."""
    html = look(f"{(site / page).as_uri()}?q={query}", tmp_path).html
    assert f'<html lang="{language}"' in html
    assert "md-search-result__item" in html


def test_contract_is_rendered(site: Path, tmp_path: Path) -> None:
    """Each operation is shown with its path, and not only contained in the source of the page."""
    html = look(f"{(site / 'openapi.html').as_uri()}#tag/chats", tmp_path).html.replace("<wbr>", "")
    paths = re.findall(r"(?m)^  (/v2/\S+):$", read("openapi.yaml"))
    assert paths
    assert [path for path in paths if path not in html] == []


def test_every_link_leads_somewhere(site: Path) -> None:
    """Links lead to a page that exists, and to a heading on it, also from one language to the other."""
    texts = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    del texts[site / "openapi.html"], texts[site / "404.html"], texts[site / "ru" / "404.html"]
    dead = []
    for path, text in texts.items():
        for link in re.findall(r'<(?:a|iframe)\s[^>]*?(?:href|src)="([^"]+)"', text):
            target, anchor = map(unquote, urldefrag(link))
            there = (path.parent / target).resolve() if target else path
            anchored = not anchor or there not in texts or f'id="{anchor}"' in texts[there]
            if not link.startswith("https://") and not (there.exists() and anchored):
                dead.append((str(path.relative_to(site)), link))
    assert dead == []


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    """A new name or operation does not remain undocumented, and the most important one comes first."""
    pages = [path.read_text(encoding="utf-8") for path in sorted((site / "reference").glob("*.html"))]
    described = re.findall(r'<h\d id="(yandex_market_chats[\w.]*)" class="doc', "".join(pages))
    for module in (yandex_market_chats, bulk, sandbox):
        names = {f"{module.__name__}.{name}" for name in module.__all__ if not name.startswith("_")}
        assert names - set(described) == set()
    methods = {name for client in (MarketChats, AsyncMarketChats) for name in dir(client) if name[0] != "_"}
    assert "yandex_market_chats.redis.RedisLimits" in described
    assert methods - {name.rpartition(".")[2] for name in described} == set()
    assert described[0] == "yandex_market_chats.MarketChats"
