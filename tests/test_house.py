"""The house: few files at the top, imports that go one way, no private names of others."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

TOP_FILES = 12
LONGEST_FUNCTION = 60
LONGEST_FILE = 450

PRIVATES = ("ganaug/runtime/privates.py",)
"""The modules that may use private names of other libraries: what may break with their updates."""

NAMED_TUPLES = {"_asdict", "_field_defaults", "_fields", "_make", "_replace"}
"""What ``typing.NamedTuple`` documents: the underscore only keeps the names of fields free."""


def sources(root: Path) -> dict[str, str]:
    """Return the source of each module of the package, by its path below ``root``."""
    paths = sorted((root / "ganaug").rglob("*.py"))
    return {p.relative_to(root).as_posix(): p.read_text(encoding="utf-8") for p in paths}


# ------------------------------------------------------------------ files at the top


def top_files(package: Path) -> list[str]:
    """Return the modules that lie directly in a package."""
    return sorted(path.name for path in package.glob("*.py"))


def test_few_files_lie_directly_in_the_package(root: Path) -> None:
    found = top_files(root / "ganaug")
    assert len(found) <= TOP_FILES, found


def test_files_directly_in_a_package_are_counted_and_those_deeper_are_not(tmp_path: Path) -> None:
    for name in ("__init__.py", "door.py", "notes.md", "room/__init__.py", "room/deep.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert top_files(tmp_path) == ["__init__.py", "door.py"]


# ------------------------------------------------------------------ imports go one way

Graph = Mapping[str, set[str]]


@functools.cache
def import_graph(package: str) -> dict[str, set[str]]:
    """Return what each module of a package imports of it, for type checkers only or not."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=False, cache_dir=None)
    return {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


def of_top_level(graph: Graph) -> dict[str, set[str]]:
    """Return the graph of what lies directly in the package: modules, and packages as a whole."""

    def top(module: str) -> str:
        return ".".join(module.split(".")[:2])

    found: dict[str, set[str]] = {}
    for module, imported in graph.items():
        found.setdefault(top(module), set()).update(map(top, imported))
    return {name: imported - {name} for name, imported in found.items()}


def circles(graph: Graph) -> list[list[str]]:
    """Return the members of each circle: its strongly connected components of two and more."""
    names = sorted(graph)
    place = {name: i for i, name in enumerate(names)}
    edges = [(place[a], place[b]) for a in names for b in graph[a]]
    rows, columns = np.array(edges, int).reshape(-1, 2).T
    matrix = csr_matrix((np.ones(len(edges)), (rows, columns)), shape=(len(names), len(names)))
    _, component = connected_components(matrix, connection="strong")
    groups = [[names[i] for i in np.flatnonzero(component == c)] for c in range(len(names))]
    return [group for group in groups if len(group) > 1]


def told(found: list[list[str]]) -> str:
    return "\n" + "\n".join(" <-> ".join(group) for group in found)


def test_no_modules_import_one_another_in_a_circle() -> None:
    found = circles(import_graph("ganaug"))
    assert not found, told(found)


def test_no_packages_import_one_another_in_a_circle() -> None:
    found = circles(of_top_level(import_graph("ganaug")))
    assert not found, told(found)


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a package with a circle of modules, and a circle of packages without one of modules.

    ``one.a`` and ``two.a`` import each other, the second for type checkers only. ``red`` takes a
    name that ``blue`` re-exports, and another module of ``blue`` takes one of ``red``.
    """
    files = {
        "__init__": "",
        "one.__init__": "",
        "one.a": "from planted_house.two import a",
        "two.__init__": "",
        "two.a": (
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from planted_house.one.a import name\n"
        ),
        "red.__init__": "",
        "red.a": "from planted_house.blue import name",
        "red.b": "",
        "blue.__init__": "from planted_house.blue.a import name",
        "blue.a": "name = 1",
        "blue.b": "from planted_house.red import b",
        "alone": "import planted_house.red.a",
    }
    for module, source in files.items():
        path = tmp_path / "planted_house" / f"{module.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    return "planted_house"


def test_a_planted_circle_is_found_with_its_members(planted: str) -> None:
    graph = import_graph(planted)
    assert circles(graph) == [["planted_house.one.a", "planted_house.two.a"]]
    assert circles(of_top_level(graph)) == [
        ["planted_house.blue", "planted_house.red"],
        ["planted_house.one", "planted_house.two"],
    ]
    assert "planted_house.one.a <-> planted_house.two.a" in told(circles(graph))


# ------------------------------------------------------------------ private names


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


def private_uses(path: str, source: str) -> list[str]:
    """Return the private names of others that a module uses, each with its line.

    Its own are those of ``self``, ``cls`` and ``super()``, and the private modules of its package.
    Those of other libraries may be used in :data:`PRIVATES`.
    """
    return [
        f"{path}:{line}: {name}"
        for line, name, ours in sorted(_uses(path, ast.parse(source)))
        if ours or path not in PRIVATES
    ]


def _uses(path: str, tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Yield line and name of each use, and whether it is certainly one of our own names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_foreign(path, alias.name):
                    yield node.lineno, alias.name, _is_ours(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            for alias in node.names:
                name = f"{module}.{alias.name}"
                if _is_foreign(path, name):
                    yield node.lineno, name, _is_ours(name)
        elif isinstance(node, ast.Attribute) and _reaches_in(node):
            yield node.lineno, ast.unparse(node), False


def _is_foreign(path: str, name: str) -> bool:
    """Return whether a dotted name that is imported has a private part that is not for this path.

    Within ``ganaug/vision/`` the modules ``ganaug.vision._x`` are at hand, but not their ``_y``.
    """
    parts = name.split(".")
    private = [i for i, part in enumerate(parts) if is_private(part)]
    if not private:
        return False
    home = path.split("/")[:-1]
    beside = private[0] == len(home) and parts[: len(home)] == home
    is_module = len(private) == 1 and len(home) > 1
    return not (beside and is_module)


def _is_ours(name: str) -> bool:
    return name.split(".")[0] == "ganaug"


def _reaches_in(node: ast.Attribute) -> bool:
    """Return whether an attribute is private, and not of ``self``, ``cls`` or ``super()``."""
    if not is_private(node.attr) or node.attr in NAMED_TUPLES:
        return False
    owner = node.value.func if isinstance(node.value, ast.Call) else node.value
    names = {"super"} if isinstance(node.value, ast.Call) else {"self", "cls"}
    return not (isinstance(owner, ast.Name) and owner.id in names)


def test_no_module_uses_a_private_name_of_another(root: Path) -> None:
    found = [use for path, source in sources(root).items() for use in private_uses(path, source)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source", "uses"),
    [
        ("ganaug/a.py", "model._state", ["1: model._state"]),
        ("ganaug/a.py", "self.model._state()", ["1: self.model._state"]),
        ("ganaug/a.py", "type(self)._learn", ["1: type(self)._learn"]),
        ("ganaug/a.py", "model._x = 1\ndel other._y", ["1: model._x", "2: other._y"]),
        ("ganaug/a.py", "from ganaug.b import _help", ["1: ganaug.b._help"]),
        ("ganaug/a.py", "from ganaug.b import f, _g as h", ["1: ganaug.b._g"]),
        ("ganaug/a.py", "from ganaug.vision._load import f", ["1: ganaug.vision._load.f"]),
        ("ganaug/hf/a.py", "from ganaug.vision import _load", ["1: ganaug.vision._load"]),
        ("ganaug/vision/a.py", "from ganaug.vision._b import _f", ["1: ganaug.vision._b._f"]),
        ("ganaug/a.py", "import torch\ntorch._foreach_add", ["2: torch._foreach_add"]),
        ("ganaug/a.py", "from sklearn.utils._tags import Tags", ["1: sklearn.utils._tags.Tags"]),
        ("ganaug/a.py", "import sklearn.utils._tags", ["1: sklearn.utils._tags"]),
        (PRIVATES[0], "from ganaug.b import _help", ["1: ganaug.b._help"]),
    ],
)
def test_a_planted_private_name_is_found(path: str, source: str, uses: list[str]) -> None:
    assert private_uses(path, source) == [f"{path}:{use}" for use in uses]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("ganaug/a.py", "self._x, cls._y, super()._z()"),
        ("ganaug/a.py", "model.__class__.__name__"),
        ("ganaug/a.py", "from ganaug import __version__"),
        ("ganaug/a.py", "from __future__ import annotations"),
        ("ganaug/a.py", "_own = 1\nprint(_own)"),
        ("ganaug/a.py", "point._replace(x=1)"),
        ("ganaug/vision/a.py", "from ganaug.vision._load import f"),
        ("ganaug/vision/__init__.py", "from ganaug.vision import _load"),
        (PRIVATES[0], "import torch\ntorch._foreach_add"),
        (PRIVATES[0], "from sklearn.utils._tags import Tags"),
    ],
)
def test_own_private_names_are_not_a_fault(path: str, source: str) -> None:
    assert not private_uses(path, source)


# ------------------------------------------------------------------ length


def long_functions(path: str, source: str, most: int = LONGEST_FUNCTION) -> list[str]:
    """Return the functions that have more lines than that, without their docstrings."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        lines = node.end_lineno - node.lineno + 1
        if ast.get_docstring(node) is not None:
            lines -= node.body[0].end_lineno - node.body[0].lineno + 1
        if lines > most:
            found.append(f"{path}:{node.lineno}: {node.name} has {lines} lines")
    return found


def test_no_function_is_longer_than_a_screen(root: Path) -> None:
    found = [f for path, source in sources(root).items() for f in long_functions(path, source)]
    assert not found, "\n" + "\n".join(found)


def test_no_file_is_long(root: Path) -> None:
    lines = {path: source.count("\n") for path, source in sources(root).items()}
    found = {path: n for path, n in lines.items() if n > LONGEST_FILE}
    assert not found


def test_a_planted_long_function_is_found_and_its_docstring_is_not_counted() -> None:
    signature, docstring = "def f():\n", '    """One.\n\n    Two.\n    """\n'
    fits = signature + docstring + "    x = 1\n" * 4
    assert not long_functions("a.py", fits, most=5)
    inside = "class A:\n" + "".join(f"    {line}\n" for line in (fits + "    x = 1\n").splitlines())
    assert long_functions("a.py", inside, most=5) == ["a.py:2: f has 6 lines"]
    assert long_functions("a.py", "async " + fits + "    x = 1\n", most=5)
