"""The documentation is complete, and its examples are ones that run."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
from pathlib import Path

import pytest

import ganaug


def test_the_api_page_lists_every_public_name_once(root):
    page = (root / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\.\. auto(?:class|exception|function):: (\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(ganaug.__all__)


def test_every_page_is_reachable_from_the_index(root):
    docs = root / "docs"
    index = (docs / "index.md").read_text(encoding="utf-8")
    toctrees = "".join(re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL))
    entries = [line for line in toctrees.splitlines() if line and not line.startswith(":")]
    assert sorted(entries) == sorted({page.stem for page in docs.glob("*.md")} - {"index"})
    tables = index[: index.index("```{toctree}")]
    assert not [entry for entry in entries if f"]({entry}.md)" not in tables]


def test_the_gallery_shows_every_example_with_its_figure(root):
    page = (root / "docs" / "gallery.md").read_text(encoding="utf-8")
    examples = {path.stem for path in (root / "examples").glob("*.py")}
    linked = re.findall(r"^\[`examples/(\w+)\.py`\]\(\.\./examples/\1\.py\)", page, re.MULTILINE)
    assert sorted(linked) == sorted(examples)
    for name in re.findall(r"\(figures/(gallery-\w+\.png)\)", page):
        assert (root / "docs" / "figures" / name).stat().st_size < 120_000
        assert name.removeprefix("gallery-").removesuffix(".png") in examples


@pytest.mark.parametrize("module", ["ganaug.vision", "ganaug.albumentations"])
def test_the_api_page_lists_the_adapters(module, root):
    adapter = pytest.importorskip(module, reason=f"{module} needs an extra", exc_type=ImportError)
    page = (root / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(rf"^\.\. auto(?:class|function):: {module}\.(\w+)$", page, re.MULTILINE)
    assert sorted(listed) == sorted(adapter.__all__)


@pytest.mark.parametrize("name", ganaug.__all__)
def test_every_public_name_has_an_example_that_doctest_runs(name, root):
    member = getattr(ganaug, name)
    assert re.search(r"^Examples\n-{8}$", inspect.getdoc(member) or "", re.MULTILINE), (
        f"the docstring of {name} has no Examples section"
    )
    # --doctest-modules looks into the modules under ganaug/, at what is defined there.
    home = sys.modules[member.__module__]
    assert Path(home.__file__).is_relative_to(root / "ganaug")
    found = doctest.DocTestFinder(recurse=False).find(member, name, module=home)
    examples = [example for test in found for example in test.examples]
    assert examples
    assert not all(doctest.SKIP in example.options for example in examples)


def test_every_public_method_has_a_docstring():
    without = []
    for name in ganaug.__all__:
        member = getattr(ganaug, name)
        own = [attribute for attribute in vars(member) if not attribute.startswith("_")]
        values = {f"{name}.{attribute}": getattr(member, attribute) for attribute in own}
        methods = {a: v for a, v in values.items() if callable(v) or isinstance(v, property)}
        without += [attribute for attribute, value in methods.items() if not inspect.getdoc(value)]
    assert not without
