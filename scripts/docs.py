"""Build the documentation into the folder site/: the guide, the reference of all names, the contract.

The guide is README and the pages beside it, the reference comes from the docstrings, the contract from
openapi.yaml. It is built without a network, but for Redocly's first installation, and read without one.
"""

import html
import re
import shutil
import subprocess
import sys
from pathlib import Path
from string import Template
from urllib.parse import unquote

import httpx
import pdoc.doc
import pdoc.extract
import pdoc.render
import pdoc.render_helpers

import node_tools

ROOT = Path(__file__).resolve().parent.parent
MODULES = (
    "yandex_market_chats",
    "yandex_market_chats.sandbox",
    "yandex_market_chats_generated",
    "yandex_market_chats_generated.api",
    "yandex_market_chats_generated.models",
)

# Redoc folds the operations of a tag until one is asked for.
CONTRACT = "contract.html#tag/chats"
PAGES = {
    "README.md": "index.html",
    "README.ru.md": "index.ru.html",
    "CHANGELOG.md": "changelog.html",
    "CONTRIBUTING.md": "contributing.html",
    "SECURITY.md": "security.html",
}
# Where a link of a page leads in the site: one that is not here is a mistake, and ends the build.
LINKS = {
    **PAGES,
    "": "",
    "LICENSE": "LICENSE.txt",
    "examples/": "examples.html",
    "openapi.yaml": CONTRACT,
    **{f"examples/{path.name}": "examples.html" for path in (ROOT / "examples").glob("*.py")},
}
# What Redoc would load from elsewhere: its logo.
LOGO = re.compile(r"https://cdn\.redoc\.ly/[\w./-]+")
OWN_LOGO = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='48' height='16'%3E"
    "%3Ctext y='12' font-size='12' font-family='sans-serif'%3ERedocly%3C/text%3E%3C/svg%3E"
)
# Redoc has no place for a link of ours, so it floats.
BACK = (
    '<a href="index.html" style="position: fixed; top: 0; right: 0; z-index: 9; padding: .5rem 1rem; '
    'background: white; font: 1rem system-ui">Guide</a>'
)

PAGE = Template("""\
<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<link rel="icon" href="data:,">
<style>
body { max-width: 60rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: #222; }
nav { display: flex; flex-wrap: wrap; gap: 1.25rem; padding-bottom: .75rem; border-bottom: 1px solid #ccc; }
a { color: #0550ae; }
pre { padding: .75rem; overflow-x: auto; background: #f6f8fa; }
code { font: .875em/1.45 ui-monospace, monospace; }
table { display: block; overflow-x: auto; border-collapse: collapse; }
th, td { padding: .25rem .6rem; border: 1px solid #ccc; text-align: left; vertical-align: top; }
$highlighting
</style>
</head>
<body>
<nav>
<a href="index.html">Guide</a>
<a href="index.ru.html" lang="ru">По-русски</a>
<a href="reference/yandex_market_chats.html">Reference</a>
<a href="$contract">Contract</a>
<a href="examples.html">Examples</a>
<a href="changelog.html">Changelog</a>
</nav>
$body
</body>
</html>
""")


def slug(heading: str) -> str:
    """Return the anchor that a heading has on GitHub, in whatever alphabet."""
    text = html.unescape(re.sub(r"<[^>]+>", "", heading))
    return re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-")


def moved(link: str) -> str:
    """Return where a link of a page leads in the site."""
    if link.startswith("https://"):
        return link
    path, _, anchor = unquote(link).partition("#")
    if path.endswith(".py"):
        anchor = slug(Path(path).name)
    return LINKS[path] + (f"#{anchor}" if anchor else "")


def page(markdown: str, language: str) -> str:
    """Render a page."""
    body = pdoc.render_helpers.to_html(markdown)
    body = re.sub(
        r"<(h\d)[^>]*>(.*?)</\1>",
        lambda found: f'<{found[1]} id="{slug(found[2])}">{found[2]}</{found[1]}>',
        body,
    )
    body = re.sub(r'href="([^"]*)"', lambda found: f'href="{moved(found[1])}"', body)
    return PAGE.substitute(
        contract=CONTRACT,
        title=markdown.partition("\n")[0].lstrip("# "),
        language=language,
        highlighting=pdoc.render_helpers.formatter.get_style_defs(".pdoc-code"),
        body=body,
    )


def examples() -> str:
    """Return the programs of examples/ as a page."""
    sections = [
        f"## {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n"
        for path in sorted((ROOT / "examples").glob("*.py"))
    ]
    return "\n".join(["# Examples\n", *sections])


def adopt(module: pdoc.doc.Module) -> None:
    """Let the classes of a module show what they inherit from bases that are not in the reference."""
    for cls in module.flattened_own_members:
        if isinstance(cls, pdoc.doc.Class):
            for (origin, base), members in cls.inherited_members.items():
                if origin.split(".")[0] in MODULES and base not in module.obj.__all__:
                    # Users make credentials, and only the client uses them.
                    cls.own_members[:0] = [
                        member
                        for member in members
                        if member.name == "__init__" or not issubclass(cls.obj, httpx.Auth)
                    ]


def build_reference(folder: Path) -> None:
    """Render the docstrings."""
    pdoc.render.configure(
        docformat="google", show_source=False, template_directory=ROOT / "scripts" / "reference"
    )
    modules = {name: pdoc.doc.Module.from_name(name) for name in pdoc.extract.walk_specs(MODULES)}
    for name, module in modules.items():
        for public in getattr(module.obj, "__all__", ()):
            getattr(module.obj, public)  # pdoc does not see what a lazy module has not imported yet
        adopt(module)
        path = folder / f"{name.replace('.', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    (folder / "index.html").write_text(pdoc.render.html_index(modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")


def build_contract(path: Path) -> None:
    """Render openapi.yaml."""
    redocly = [*node_tools.command("redocly"), "build-docs", "openapi.yaml", "--inlineBundle", "--output"]
    subprocess.run([*redocly, str(path.resolve())], cwd=ROOT, env=node_tools.ENVIRONMENT, check=True)
    text = LOGO.sub(OWN_LOGO, path.read_text(encoding="utf-8"))
    path.write_text(text.replace("<body>", f"<body>{BACK}", 1), encoding="utf-8")


def build(site: Path) -> None:
    """Build the site into a folder, which is emptied first."""
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir(parents=True)
    texts = {path: (ROOT / name).read_text(encoding="utf-8") for name, path in PAGES.items()}
    for path, text in {**texts, "examples.html": examples()}.items():
        (site / path).write_text(page(text, "ru" if ".ru." in path else "en"), encoding="utf-8")
    shutil.copy(ROOT / "LICENSE", site / "LICENSE.txt")
    build_reference(site / "reference")
    build_contract(site / "contract.html")


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    build(folder)
    print(f"Open {folder / 'index.html'}")
