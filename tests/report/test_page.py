"""The page of a report: whole in one file, and usable by everybody, in a real browser."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ganaug import ConfigError, GANAugmenter, quality_report
from ganaug.pages import document

pytest.importorskip("matplotlib", reason="pages need the extra report")
pytest.importorskip("jinja2", reason="pages need the extra report")

PHONE = {"width": 375, "height": 700}


class Page(HTMLParser):
    """Collects what the checks ask for, and refuses tags that are not closed."""

    VOID = ("meta", "link", "img", "br", "path", "use", "image", "rect")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module", params=["table", "image"])
def html(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue(f"{request.param}_html")


# --- without a browser ---------------------------------------------------------------------------


def test_nothing_on_the_page_comes_from_elsewhere(html):
    page = Page(html)
    assert not page.all("script")
    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href", "srcset", "action", "data")
    ]
    assert links
    assert all(link and link.startswith(("#", "data:")) for link in links)
    assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?!#)", html)


def test_every_name_stands_on_the_page_once_and_every_link_leads_somewhere(html):
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    inner = {
        link.removeprefix("#")
        for _, attributes in page.tags
        for name, link in attributes.items()
        if name in ("href", "xlink:href") and link and link.startswith("#")
    }
    assert inner <= set(ids)


def test_pictures_have_words_and_tables_have_heads(html):
    page = Page(html)
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in page.all("svg"))
    assert all(image.get("alt") for image in page.all("img"))
    assert page.all("caption")
    assert all(head.get("scope") in ("row", "col") for head in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))


def test_the_page_says_what_was_found_and_how(table_report, table_html):
    text = " ".join(Page(table_html).text.split())
    for advice in table_report.advice:
        assert advice.found in text
        assert advice.remedy in text
    for finding in table_report.findings:
        assert finding.measure.title in text
        assert finding.reason in text
    assert table_report.notes[0] in text
    for name, version in table_report.facts["versions"].items():
        assert f"{name} {version}" in text
    assert '"loss": "relativistic"' in text
    assert "Critic's accuracy" in text
    assert "nothing here measures privacy" in text


def test_the_legend_tells_the_two_kinds_of_bars_apart(html):
    text = " ".join(Page(html).text.split())
    assert "bar: where one more sample of real" in text
    assert "For F1 and gain: 95% interval of the dot, from drawing the held-out" in text
    assert "thin line: the same interval of the triangle" in text


def test_names_from_the_data_are_text_and_never_markup(table_html):
    assert "<script" not in table_html
    assert "<u>" not in table_html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in table_html
    assert "amount $x$" in table_html


def test_a_table_of_fifty_columns_makes_a_page_of_less_than_five_megabytes():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c", "d", "e"], [90, 60, 40, 30, 20])
    X = pd.DataFrame(rng.normal(size=(len(y), 30)), columns=[f"number {i}" for i in range(30)])
    for i in range(20):
        X[f"category {i}"] = rng.choice([f"level {k}" for k in range(12)], len(y))
    report = quality_report(GANAugmenter(max_steps=2, random_state=0), X, y, random_state=0)
    assert report.facts["shape"] == [50]
    assert len(report.to_html().encode()) < 5_000_000


def test_classes_without_training_get_a_page_too():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(18, 2)), np.repeat([0, 1], 9)
    report = quality_report(GANAugmenter(random_state=0), X, y, random_state=0)
    assert {row["plan"] for row in report.facts["classes"]} == {"interpolate"}
    assert "No GAN was trained" in report.to_html()


def test_missing_libraries_are_named_with_the_extra(table_report, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for way in (table_report.to_html, table_report.plot):
        with pytest.raises(ConfigError, match=r"ganaug\[report\]"):
            way()


def test_the_page_is_written_whole(table_report, tmp_path):
    path = tmp_path / "report.html"
    text = table_report.to_html(path)
    assert path.read_text("utf-8") == text
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert document.FORMAT == 1


def test_the_picture_has_a_panel_for_every_figure(table_report, image_report, tmp_path):
    for report, count in ((table_report, 10), (image_report, 10)):
        figure = report.plot()
        panels = [axes for axes in figure.axes if axes.get_visible()]
        assert len(panels) == count
        figure.savefig(tmp_path / "plot.png", dpi=50)


# --- in a browser --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="drives a browser by playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def path(html: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(html, encoding="utf-8")
    return file


def opened(browser: Any, path: Path, **options: Any) -> Any:
    page = browser.new_context(**options).new_page()
    page.goto(path.as_uri())
    return page


def test_it_opens_from_disk_without_an_error_and_without_a_request(browser, path):
    page = browser.new_context().new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_load_state("networkidle")
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    page.context.close()


def test_on_a_phone_nothing_is_wider_than_the_page(browser, path, tmp_path):
    page = opened(browser, path, viewport=PHONE)
    for _ in range(2):
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        # What is folded must fit as well.
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('svg text')].filter(t => t.textContent.trim())"
        ".map(t => t.getBoundingClientRect().height))"
    )
    assert smallest > 7
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    page.context.close()


def shades(box: Any) -> list[float]:
    """Return how much darker or brighter a box is at its left and right edge than elsewhere."""
    from PIL import Image

    grey = np.asarray(Image.open(io.BytesIO(box.screenshot())).convert("L"), float)
    paper = np.median(grey)  # most of a table is
    return [abs(float(np.median(grey[:, side])) - paper) for side in (1, -2)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_table_that_goes_on_sideways_says_so_by_a_shade(browser, path, scheme):
    page = opened(browser, path, viewport=PHONE, color_scheme=scheme)
    box = page.locator(".scroll").first
    for font, faint, clear in (("6px", (0, 1), ()), ("30px", (0,), (1,))):
        box.evaluate(f"e => e.querySelector('table').style.fontSize = '{font}'")
        edges = shades(box)
        assert all(edges[side] < 5 for side in faint)
        assert all(edges[side] > 40 for side in clear)
    box.evaluate("e => e.scrollLeft = e.scrollWidth")
    left, right = shades(box)
    assert left > 40
    assert right < 5
    page.context.close()


def test_on_a_phone_the_figures_of_a_class_need_no_scrolling(browser, path):
    page = opened(browser, path, viewport=PHONE)
    wide = page.evaluate(
        "[...document.querySelectorAll('.scroll:has(table.wide)')]"
        ".filter(e => e.scrollWidth > e.clientWidth).map(e => e.ariaLabel)"
    )
    assert wide == []
    page.context.close()


def test_all_of_it_can_be_reached_with_the_keyboard(browser, path):
    page = opened(browser, path, viewport=PHONE)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the findings"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    page.reload()
    reached = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        place = "e => [...document.querySelectorAll('*')].indexOf(e)"
        reached.add(page.evaluate(f"({place})(document.activeElement)"))
    wanted = page.evaluate(
        "[...document.querySelectorAll('summary, .scroll, nav a')]"
        ".filter(e => e.checkVisibility())"
        ".map(e => [...document.querySelectorAll('*')].indexOf(e))"
    )
    assert wanted
    assert set(wanted) <= reached
    folded = page.locator("details:not([open]) > summary").first
    folded.focus()
    before = page.locator("details[open]").count()
    page.keyboard.press("Enter")
    assert page.locator("details[open]").count() == before + 1
    page.context.close()


LUMINANCE = """
([ink, paper]) => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
      .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_pictures_stand_out_in_both_schemes(browser, path, scheme, tmp_path):
    page = opened(browser, path, color_scheme=scheme)
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    colours = page.evaluate(
        "[...document.querySelectorAll('p, td, th, summary, .soft, .badge, a, b.bad')]"
        ".map(e => getComputedStyle(e).color)"
    )
    inks = page.evaluate(
        "[...document.querySelectorAll('svg text')].map(e => getComputedStyle(e).fill)"
    )
    # The least that WCAG 2 asks for: 4.5 for text.
    for ink in {*colours, *inks}:
        assert page.evaluate(LUMINANCE, [ink, paper]) >= 4.5, ink
    page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
    page.context.close()
