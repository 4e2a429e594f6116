"""``ganaug`` on folders of images: augmenting, models, reports, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("torchvision", reason="images in files need the extra vision")
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ganaug import GANAugmenter
from ganaug.cli.files import image_names
from ganaug.vision import load_images
from tests.cli.images import files_in, images_in, refused
from tests.cli.tables import QUICK, done

# ------------------------------------------------------------------ folders


def test_a_folder_is_balanced_and_its_files_stay_as_they_are(folder: Path, tmp_path: Path) -> None:
    before, out = files_in(folder), tmp_path / "balanced"
    result = done("augment", folder, "--out", out, *QUICK)
    assert "class 'eight': 6 synthetic images added" in result.stderr
    assert result.stdout == ""
    assert files_in(folder) == before
    made = files_in(out)
    originals = {name: data for name, data in before.items() if name != "notes.txt"}
    assert {name: made[name] for name in originals} == originals
    new = sorted(made.keys() - originals.keys())
    assert new[:6] == [f"eight/synthetic_{i:04d}.png" for i in range(1, 7)]
    assert new[6:] == ["manifest.csv", "manifest.json"]
    listed = list(csv.DictReader(made["manifest.csv"].decode().splitlines()))
    assert Counter((row["class"], row["is_synthetic"]) for row in listed) == {
        ("eight", "False"): 6,
        ("eight", "True"): 6,
        ("one", "False"): 12,
    }
    assert {row["file"] for row in listed} == made.keys() - {"manifest.csv", "manifest.json"}
    X, y = load_images(out, progress=False)
    assert X.shape == (24, 8, 8)
    assert Counter(y.tolist()) == {"eight": 12, "one": 12}
    assert not list(tmp_path.glob("*.partial"))


def test_the_seed_decides_the_images_and_options_reach_the_estimator(
    folder: Path, tmp_path: Path
) -> None:
    command = ("augment", folder, "-q", "--sampling-strategy", "eight=9,one=13")
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        said = done(*command, "-o", tmp_path / out, "--max-steps", 2, "--seed", seed).stderr
        assert said.count("\n") == said.count("ganaug: warning:") == 1  # of a class of six
    a, b, c = (images_in(tmp_path / out) for out in "abc")
    assert a == b
    assert a.keys() == c.keys()
    assert a != c
    assert {name for name in a if "synthetic" in name} == {
        *(f"eight/synthetic_{i:04d}.png" for i in (1, 2, 3)),
        "one/synthetic_0001.png",
    }


def test_only_the_synthetic_images_if_wanted(folder: Path, tmp_path: Path) -> None:
    done("augment", folder, "-o", tmp_path / "out", "--no-originals", *QUICK)
    assert len(images_in(tmp_path / "out")) == 6
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "out" / "eight", folder / "eight", dirs_exist_ok=True)
    strategy = ("--sampling-strategy", "eight=14")
    done("augment", folder, "-o", again, "--no-originals", *strategy, *QUICK)
    names = sorted(path.name for path in (again / "eight").iterdir())
    assert names == ["synthetic_0007.png", "synthetic_0008.png"]  # not those that were there


def test_images_of_several_sizes_kinds_and_damage(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Image.new("RGB", (20, 10)).save(folder / "one" / "wide.png")
    (folder / "one" / "torn.png").write_bytes((folder / "one" / "0.png").read_bytes()[:60])
    said = refused("augment", folder, "-o", out, *QUICK)
    assert "torn.png cannot be read" in said
    assert "--skip-unreadable" in said
    said = refused("augment", folder, "-o", out, "--skip-unreadable", *QUICK)
    assert "differ in their channels" in said
    assert "Use --rgb" in said
    said = refused("augment", folder, "-o", out, "--skip-unreadable", "--rgb", *QUICK)
    assert "Use --resize 8x8" in said
    assert not list(tmp_path.glob("out*"))
    options = ("--skip-unreadable", "--rgb", "--resize", "12x16")
    said = done("augment", folder, "-o", out, *options, *QUICK).stderr
    assert "torn.png" in said
    made = images_in(out)
    image = Image.open(io.BytesIO(made["eight/synthetic_0001.png"]))
    assert (image.mode, image.size) == ("RGB", (16, 12))
    assert made["one/torn.png"] == (folder / "one" / "torn.png").read_bytes()


def test_large_images_are_told_about_resize(folder: Path, tmp_path: Path) -> None:
    for file in folder.rglob("*.??g"):
        Image.open(file).resize((300, 300)).save(file)
    assert "--resize 64" in refused("augment", folder, "-o", tmp_path / "out", *QUICK)


def test_sixteen_bits_and_transparency_come_back(tmp_path: Path) -> None:
    for mode, shape, dtype in (("I;16", (8, 8), np.uint16), ("RGBA", (8, 8, 4), np.uint8)):
        source, out = tmp_path / mode, tmp_path / f"{mode}-out"
        random = np.random.default_rng(0)
        for name, n in (("a", 8), ("b", 4)):
            (source / name).mkdir(parents=True)
            for i in range(n):
                pixels = random.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
                Image.fromarray(pixels).save(source / name / f"{i}.png")
        done("augment", source, "-o", out, *QUICK)
        assert Image.open(out / "b" / "synthetic_0001.png").mode == mode


# ------------------------------------------------------------------ interrupted runs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "{folder}"], "one in the other"),
        (["-o", "{folder}/out"], "one in the other"),
        (["-o", "{folder}/../no/out"], "There is no folder"),
        (["-o", "{out}", "--target", "label"], "is for Parquet files"),
        (["-o", "{out}", "--mark"], "manifest.csv says"),
        (["-o", "{out}", "--resize", "big"], "'big' is not a valid size"),
        (["-o", "{out}", "--recipe", "wgann"], "did you mean 'wgan'"),
        (["-o", "{out}", "--sampling-strategy", "nine=3"], "There is no class 'nine'"),
    ],
)
def test_impossible_requests_are_one_line(
    folder: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    """Requests that cannot be are refused in one line."""
    filled = [o.format(folder=folder, out=tmp_path / "out") for o in options]
    said = refused("augment", folder, *filled, *QUICK)
    assert message in said
    assert said.strip().count("\n") == 0 or "reading" in said
    assert not list(tmp_path.glob("out*"))


def test_wrong_usage_is_status_2(folder: Path, parquet: Path, tmp_path: Path) -> None:
    """Missing options are named, with status 2."""
    assert "--output" in refused("augment", folder, *QUICK, status=2)
    out = tmp_path / "out.parquet"
    assert "--target" in refused("augment", parquet, "-o", out, *QUICK, status=2)
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    assert "--target" in refused("augment", table, status=2)


def test_options_that_do_nothing_are_refused(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("a,b\n1,2\n")
    for option in (["--resize", "8"], ["--rgb"], ["--no-originals"], ["--image", "x"]):
        assert f"{option[0]} is for images" in refused("augment", table, "-t", "b", *option)
    out = ("-o", tmp_path / "out")
    assert "is for tables" in refused("augment", folder, *out, "--categorical", "a")
    assert "--rgb is for images" in refused("fit", table, "-t", "b", *out, "--rgb")


def test_parts_of_a_dataset_are_no_classes(folder: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    for part in ("test", "train"):
        shutil.copytree(folder, both / part)
    said = refused("augment", both, "-o", tmp_path / "out", *QUICK)
    assert "parts of a dataset, not classes. Name one of them" in said


def test_a_folder_without_images_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "one folder per class" in refused("augment", tmp_path / "empty", "-o", tmp_path / "out")


# ------------------------------------------------------------------ fit, sample, report


def test_a_model_of_images_is_fitted_saved_and_sampled(folder: Path, tmp_path: Path) -> None:
    model, out = tmp_path / "model", tmp_path / "new"
    assert "learned 18 images" in done("fit", folder, "-o", model, *QUICK).stderr
    said = done("sample", model, "-n", "eight=3", "-n", "one=2", "-o", out, "--seed", 1).stderr
    assert "wrote 5 images" in said
    expected, _ = GANAugmenter.from_pretrained(model).sample({"eight": 3})
    assert expected.shape == (3, 8, 8)
    made = files_in(out)
    assert sorted(made) == [
        *(f"eight/synthetic_000{i}.png" for i in (1, 2, 3)),
        *(f"one/synthetic_000{i}.png" for i in (1, 2)),
    ]
    assert "not an empty folder" in refused("sample", model, "-n", 4, "-o", out)
    assert "go into a folder" in refused("sample", model, "-n", 4)
    done("sample", model, "-n", 4, "-o", tmp_path / "four")
    assert len(files_in(tmp_path / "four")) == 4


def test_a_report_is_written(folder: Path, tmp_path: Path) -> None:
    """augment --report writes the page, and overwrites none without --force."""
    pytest.importorskip("jinja2", reason="pages need the extra report")
    page = tmp_path / "report.html"
    command = ("augment", folder, "-o", tmp_path / "out", "--report", page, *QUICK)
    done(*command)
    assert page.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")
    other = ("--report", page, "--max-steps", 1, "--seed", 0)
    assert "--force" in refused("augment", folder, "-o", tmp_path / "two", *other)


def test_without_the_report_it_is_said_before_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    page = ("--report", tmp_path / "report.html")
    said = refused("augment", folder, "-o", tmp_path / "out", *page, *QUICK)
    assert "pip install 'ganaug[report]'" in said
    assert not list(tmp_path.glob("out*"))


@given(st.lists(st.text(st.sampled_from("a%2F/.\0-é"), max_size=120), min_size=2, unique=True))
def test_every_class_has_a_folder_of_its_own(labels: list[str]) -> None:
    names = [image_names.folder_name(label) for label in labels]
    assert len(set(names)) == len(names)
    for name in names:
        assert name not in ("", ".", "..")
        assert not set(name) & set("/\0")
        assert len(name.encode()) <= 200


def test_folders_of_classes_keep_their_names(folder: Path, tmp_path: Path) -> None:
    (folder / "eight").rename(folder / "8%2F")
    done("augment", folder, "-o", tmp_path / "out", *QUICK)
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == [
        "8%2F",
        "one",
    ]
    assert len(list((tmp_path / "out" / "8%2F").glob("synthetic_*.png"))) == 6


def test_pages_are_overwritten_by_one_rule(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("jinja2", reason="pages need the extra report")
    (tmp_path / "old.html").write_text("mine")
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,x\n3,y\n")
    for source, options in ((folder, ("-o", tmp_path / "out")), (tmp_path / "t.csv", ("-t", "b"))):
        command = ("augment", source, *options, *QUICK)
        assert "--force overwrites it" in refused(*command, "--report", tmp_path / "old.html")
        assert "must end in .html" in refused(*command, "--report", tmp_path / "page.pdf")
        assert "There is no folder" in refused(*command, "--report", tmp_path / "no" / "r.html")
    assert (tmp_path / "old.html").read_text() == "mine"
    assert not list(tmp_path.glob("out*"))


def test_reports_of_images(folder: Path, parquet: Path, tmp_path: Path) -> None:
    """``ganaug report`` judges folders and Parquet files of images."""
    pytest.importorskip("jinja2", reason="pages need the extra report")
    page, numbers = tmp_path / "page.html", tmp_path / "page.json"
    page.write_text("an earlier one")
    for source, target in ((folder, ()), (parquet, ("-t", "label"))):
        command = ("report", source, *target, "-o", page, "--json", numbers, *QUICK)
        assert f"wrote {page}" in done(*command).stderr
        assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        facts = json.loads(numbers.read_text(encoding="utf-8"))["facts"]
        assert facts["shape"] == [1, 8, 8]
        page.write_text("an earlier one")
    Image.new("L", (20, 10)).save(folder / "one" / "wide.png")
    said = refused("report", folder, "-o", page, *QUICK)
    assert "Use --resize 8x8" in said
    assert page.read_text() == "an earlier one"
    assert "--target" in refused("report", parquet, "-o", page, status=2)
    assert "is for tables" in refused("report", folder, "-o", page, "--test", "t.csv")
    assert "did you mean 'wgan'" in refused("report", folder, "-o", page, "--recipe", "wgann")


def test_an_encoding_is_for_tables(folder: Path, tmp_path: Path) -> None:
    """--encoding with images is refused."""
    for command in ("augment", "fit", "report"):
        options = ("-o", tmp_path / "out.html", "--encoding", "latin-1")
        assert "--encoding is for tables" in refused(command, folder, *options)
