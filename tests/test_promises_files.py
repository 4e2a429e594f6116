"""Promises 7 and 9: files cannot run code, and distance is never called privacy."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import torch

from ganaug import ArtifactError, GanaugError, GANAugmenter, Recipe
from tests.promises import Y, frame, quick

pytestmark = pytest.mark.filterwarnings("ignore::ganaug.GanaugWarning")


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    X = frame(kind=np.where(Y, "x", "y"))
    quick(recipe=Recipe.preset("auto")).fit(X, Y).save_pretrained(folder)
    return folder


def test_promise_7_the_folder_holds_json_and_safetensors_only(saved: Path) -> None:
    files = sorted(saved.rglob("*"))
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    for file in files:
        content = file.read_bytes()
        assert not content.startswith((b"\x80", b"PK")), f"{file.name} is a pickle or an archive"
        if file.suffix == ".json":
            json.loads(content)
        else:
            length = int.from_bytes(content[:8], "little")
            assert isinstance(json.loads(content[8 : 8 + length]), dict)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("kind", ["pickle", "torch", "joblib", "numpy"])
def test_promise_7_fault_63_a_pickle_in_its_place_is_refused(
    saved: Path, suffix: str, kind: str
) -> None:
    trap = saved.parent / "trap"
    (victim,) = saved.rglob(f"*{suffix}")
    old = hashlib.sha256(victim.read_bytes()).hexdigest()
    if kind == "pickle":
        victim.write_bytes(pickle.dumps(Bomb(trap)))
    elif kind == "torch":
        torch.save(Bomb(trap), victim)
    elif kind == "joblib":
        joblib.dump(Bomb(trap), victim)
    else:
        with victim.open("wb") as file:
            np.save(file, np.array([Bomb(trap)], dtype=object), allow_pickle=True)
    new = hashlib.sha256(victim.read_bytes()).hexdigest()
    for config in saved.rglob("*.json"):
        if config != victim:  # an attacker mends the checksum
            config.write_text(config.read_text().replace(old, new))
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(saved)
    assert not trap.exists()


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Any:
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, child in items:
            yield from _leaves(child, (*path, key))
    else:
        yield path


def test_promise_7_json_names_no_code(saved: Path) -> None:
    """Whatever stands in place of any value, loading runs none of it."""
    trap = saved.parent / "trap"
    (file,) = saved.rglob("*.json")
    original = file.read_text()
    code = f"__import__('os').mkdir({str(trap)!r})"
    attacks = [
        code,
        {"py/reduce": [{"py/type": "os.mkdir"}, {"py/tuple": [str(trap)]}]},
        {"__reduce__": ["os.mkdir", [str(trap)]]},
        {"eval": code},
    ]
    places = [path for path in _leaves(json.loads(original)) if "history" not in path]
    assert len(places) > 30
    for path in places:
        for attack in attacks:
            document = json.loads(original)
            parent = document
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = attack
            file.write_text(json.dumps(document))
            try:
                loaded = GANAugmenter.from_pretrained(saved)
            except GanaugError:
                pass
            else:  # a harmless place, such as the name of a column
                assert isinstance(loaded, GANAugmenter)
            assert not trap.exists(), f"code ran from {path}"


PRIVACY = re.compile(r"\bpriva\w+|\banonym\w+|\bconfidential\w*|\bre-?identif\w+", re.IGNORECASE)
DISTANCE = re.compile(
    r"nearest|neighbou?r|distance|\bcop(?:y|ies|ied|ying)\b|duplicate|memori[sz]\w+|synthetic",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"[,;:()]|\s[-\u2013\u2014]+\s|\b(?:and|but|so|hence|thus|therefore|because|since|as)\b",
    re.IGNORECASE,
)
DENIAL = re.compile(r"\b(?:never|not|nothing|cannot|neither|nor)\b|n't\b", re.IGNORECASE)
NONE_OF_IT = re.compile(
    rf"\b(?:no|without)\s+(?:any\s+)?(?:\w+\s+(?:of|for)\s+)?(?:{PRIVACY.pattern})", re.IGNORECASE
)
"""No or without says nothing about privacy unless privacy is what there is none of."""


def false_claims(text: str) -> list[str]:
    """Return the sentences that claim privacy beside copies or distances.

    A denial counts in the clause of the word for privacy only.
    """
    sentences = re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*#|]\s*", text)
    return [
        " ".join(sentence.split())
        for sentence in sentences
        if DISTANCE.search(sentence)
        and any(
            PRIVACY.search(clause) and not (DENIAL.search(clause) or NONE_OF_IT.search(clause))
            for clause in CLAUSE.split(sentence)
        )
    ]


def _strings(source: str) -> list[str]:
    """Return the docstrings and messages of a module."""
    nodes = ast.walk(ast.parse(source))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_promise_9_the_search_finds_a_false_claim() -> None:
    assert false_claims("Nearest-neighbour distance measures privacy.")
    assert false_claims("The rows are anonymous,\nbecause the distance to any real row is large.")
    assert false_claims("# Privacy of the synthetic rows")
    assert false_claims("No row is a copy, so the rows are private.")
    assert false_claims("Synthetic rows without a near neighbour are anonymous.")
    assert not false_claims("A large distance to the nearest real row is not privacy.")
    assert not false_claims("Distance is no measure of privacy.")
    assert not false_claims("A private method. It computes the distance.")


def test_promise_9_distance_is_never_called_privacy(root: Path) -> None:
    pages = [root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]
    modules = [
        path
        for top in ("ganaug", "examples", "benchmarks", "research")
        for path in (root / top).rglob("*.py")
    ]
    assert len(modules) > 20
    claims = {
        str(path.relative_to(root)): found
        for path in [*pages, *modules]
        for text in ([path.read_text()] if path.suffix == ".md" else _strings(path.read_text()))
        if (found := false_claims(text))
    }
    assert not claims
