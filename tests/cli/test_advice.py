"""Advice in error messages of the command line names its options, and following it works."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("torchvision", reason="images in files need the extra vision")

from PIL import Image
from typer.testing import CliRunner

from ganaug import GanaugError, GANAugmenter, InvalidInputError
from ganaug.cli.advice import message_of
from ganaug.cli.app import app
from ganaug.errors import Action, Remedy
from ganaug.vision import load_images

QUICK = ("--max-steps", "2", "--seed", "0")


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with six and twelve grey images of 8x8 pixels."""
    random = np.random.default_rng(0)
    for name, n in (("few", 6), ("many", 12)):
        (tmp_path / "train" / name).mkdir(parents=True)
        for i in range(n):
            pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "train" / name / f"{i}.png")
    return tmp_path / "train"


def other_size(folder: Path) -> None:
    Image.new("L", (20, 10)).save(folder / "many" / "wide.png")


def too_large(folder: Path) -> None:
    for file in folder.rglob("*.png"):
        Image.open(file).resize((300, 300)).save(file)


def other_channels(folder: Path) -> None:
    Image.new("RGB", (8, 8)).save(folder / "many" / "colour.png")


def strange_mode(folder: Path) -> None:
    Image.new("F", (8, 8)).save(folder / "many" / "real.tif")


def damaged(folder: Path) -> None:
    file = folder / "many" / "0.png"
    file.write_bytes(file.read_bytes()[:60])


def single(folder: Path) -> None:
    for i in range(1, 6):
        (folder / "few" / f"{i}.png").unlink()


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (other_size, ["--resize", "8x8"]),
        (too_large, ["--resize", "64"]),
        (other_channels, ["--rgb"]),
        (strange_mode, ["--rgb"]),
        (damaged, ["--skip-unreadable"]),
        (single, ["--on-singleton", "duplicate"]),
    ],
)
def test_advice_on_images_can_be_followed(
    folder: Path, tmp_path: Path, change: Callable[[Path], None], options: list[str]
) -> None:
    change(folder)
    command = ("augment", folder, "-o", tmp_path / "out", *QUICK)
    refused = call(*command)
    assert refused.exit_code == 1
    (error,) = re.findall("ganaug: error: (.*)", refused.stderr)
    (advised,) = re.findall(r"--[a-z-]+(?: \d+x\d+| \d+| duplicate)?", error)
    assert advised.split() == options
    assert not re.findall(r"\w=|\(\d", error)  # nothing that only Python code can do
    done = call(*command, *options)
    assert done.exit_code == 0, done.stderr


def test_advice_about_memory_can_be_followed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganaug.runtime.memory.check_budget", lambda _: 18 * 8 * 8)
    command = ("fit", folder, "-o", tmp_path / "model", *QUICK)
    refused = call(*command, "--resize", "16")
    assert refused.exit_code == 1
    assert "Use --resize with a smaller size." in refused.stderr
    done = call(*command, "--resize", "8")
    assert done.exit_code == 0, done.stderr


def test_advice_on_tables_can_be_followed(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("x,y\n" + "".join(f"{i},a\n" for i in range(20)) + "7,b\n")
    refused = call("augment", path, "-t", "y", *QUICK)
    assert "set --on-singleton duplicate to repeat the row" in refused.stderr
    assert call("augment", path, "-t", "y", "--on-singleton", "duplicate", *QUICK).exit_code == 0


def test_too_many_damaged_files_have_to_be_repaired(folder: Path, tmp_path: Path) -> None:
    for i in range(11):
        (folder / "many" / f"{i}.png").write_bytes(b"\x89PNG")
    refused = call("fit", folder, "-o", tmp_path / "model", "--skip-unreadable", *QUICK)
    assert refused.stderr.rstrip().endswith("Repair or remove them.")


@pytest.mark.parametrize("action", get_args(Action))
def test_every_remedy_has_words_for_the_command_line(action: Action) -> None:
    error = GanaugError("It failed.", remedy=Remedy("Call fit(again=True).", action))
    assert str(error) == "It failed. Call fit(again=True)."
    assert re.fullmatch(r"It failed\. [A-Z][^=]+\.", message_of(error))


def test_python_code_gets_its_own_advice(folder: Path) -> None:
    other_size(folder)
    with pytest.raises(InvalidInputError, match=r"Pass resize=\(8, 8\) or another size\.$"):
        load_images(folder, progress=False)
    X, y = np.zeros((9, 2)), np.array([0] * 8 + [1])
    with pytest.raises(InvalidInputError, match=r'set on_singleton="duplicate" to repeat the row'):
        GANAugmenter().fit_resample(X, y)


def test_an_error_keeps_its_remedy_between_processes() -> None:
    error = InvalidInputError("It failed.", remedy=Remedy("Pass resize=8.", "resize", (8, 8)))
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert str(again) == "It failed. Pass resize=8."
        assert (again.problem, again.remedy) == (error.problem, error.remedy)
