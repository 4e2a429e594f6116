"""The benchmark of images: what its arms train on, its hygiene, and tiny runs."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks import _images_arms, _images_net, _images_run, _run, images
from benchmarks._images_arms import ARMS, Made, Request
from benchmarks._images_data import FILES, to_array
from benchmarks._images_net import DIGITS
from tests.benchmarks.image_sets import SIZES, image_set, pictures

QUICK = replace(DIGITS, steps=4)


@pytest.fixture
def folder(tmp_path):
    """The files of both sets, with a few small images each."""
    pytest.importorskip("pyarrow", reason="the images come as Parquet")
    pil = pytest.importorskip("PIL.Image", reason="the images are encoded")
    for name, shape in (("mnist", (16, 16)), ("cifar", (16, 16, 3))):
        for stem, sizes, seed in zip(FILES[name], (SIZES, (12, 12, 12)), (0, 1), strict=True):
            drawn, labels = pictures(sizes, seed, shape)
            cells = []
            for image in drawn:
                file = io.BytesIO()
                pil.fromarray(image).save(file, "PNG")
                cells.append({"bytes": file.getvalue(), "path": None})
            frame = pd.DataFrame({"image": cells, "label": labels})
            frame.to_parquet(tmp_path / f"{stem}.parquet")
    return tmp_path


def run_images(folder, *extra, name="mnist"):
    out = folder / "out" / "result.json"
    arguments = ["--set", name, "--data", str(folder), "--out", str(out)]
    arguments += ["--cache", str(folder / "cache"), "--cnn-steps", "3", "--device", "cpu"]
    assert images.main([*arguments, *extra]) == 0
    return json.loads(out.read_text())


def run_of(data, tmp_path, *methods, seeds=(0,), protocol=QUICK):
    settings = _images_run.ImageSettings(protocol, tuple(ARMS[m] for m in methods), seeds)
    lines, cache = tmp_path / "r.jsonl", tmp_path / "cache"
    return _images_run.ImageRun(settings, lines, cache, say=str, data=data)


# Arms


def test_made_images_fill_the_deficit_of_every_class():
    data = image_set()
    copies = _images_arms.copied(Request(data, 3))
    bent = _images_arms.make("elastic", Request(data, 3))
    for made in (copies, bent):
        assert np.bincount(made.codes, minlength=3).tolist() == data.deficits == [0, 40, 55]
        assert made.images.dtype == np.uint8
        assert made.images.shape == (95, 16, 16)
    again = _images_arms.make("elastic", Request(data, 3))
    np.testing.assert_array_equal(bent.images, again.images)
    known = {image.tobytes() for image in data.images}
    assert all(image.tobytes() in known for image in copies.images)
    assert not any(image.tobytes() in known for image in bent.images)
    # Bent by a pixel or two, an image resembles its own class more than the others.
    middle = [data.images[data.codes == code].mean(0) for code in range(3)]
    away = np.stack([np.abs(bent.images - one).mean((1, 2)) for one in middle], 1)
    assert (away.argmin(1) == bent.codes).mean() > 0.9


def test_made_images_come_back_from_disk(tmp_path):
    made = Made(np.ones((2, 8, 8), np.uint8), np.array([0, 1]), 1.5, None, "now", {"a": "gan"}, "-")
    made.write(tmp_path / "made.npz")
    again = Made.read(tmp_path / "made.npz")
    assert again is not None
    np.testing.assert_array_equal(again.images, made.images)
    assert again.record == made.record
    assert Made.read(tmp_path / "absent.npz") is None


# Hygiene


def test_no_held_out_image_reaches_an_arm(tmp_path, monkeypatch):
    """Neither a source nor an arm's classifier is given one; the judges are not arms."""
    data = image_set()
    held_out = {image.tobytes() for image in data.test_images}
    seen = []

    def look_at(stack):
        seen.append(len(stack))
        assert not any(np.asarray(image).tobytes() in held_out for image in stack)

    def spied_train(protocol, stack, *args, **kwargs):
        look_at(to_array(stack))
        return _images_net.train(protocol, stack, *args, **kwargs)

    def source(request):
        look_at(request.data.images)
        return _images_arms.copied(request)

    monkeypatch.setattr(_images_run, "train", spied_train)
    monkeypatch.setitem(_images_arms.SOURCES, "ganaug", source)
    run_of(data, tmp_path, *ARMS).execute()
    assert seen == [85, 85, 85, 85, 180, 180, 180]


# A run


def test_a_tiny_run_writes_the_json_and_the_report(folder, capsys):
    result = run_images(folder, "--seeds", "1", "--max-steps", "1")
    rows = [row for row in result["rows"] if row["kind"] == "score"]
    assert [row["method"] for row in rows] == list(ARMS)
    assert all(0 <= row[k] <= 1 for row in rows for k in ("overall", "balanced", "rare"))
    assert [row["train_images"] for row in rows] == [85, 85, 85, 180, 180, 180]
    fit = next(row["fit"] for row in rows if row["method"] == "ganaug")
    assert fit["seconds"] > 0
    assert fit["at"].startswith("20")
    assert set(fit["plan"]) == {"0", "1", "2"}
    made = {(row["source"], row["class"]) for row in result["rows"] if row["kind"] == "picture"}
    sources = ("ganaug", "elastic", "copies", "real")
    assert made == set(itertools.product(sources, ("1", "2")))
    assert result["environment"]["versions"]["torch"]
    assert result["environment"]["device"] == "cpu"
    assert result["data"]["rare"] == ["2"]
    text = capsys.readouterr().out
    assert "NOT THE FULL BENCHMARK: GAN cut to 1 steps" in text
    assert "Not judged (GAN cut to 1 steps" in text
    assert "## Paired differences over the seeds" in text
    assert "## The images of ganaug by class" in text


def test_a_second_run_continues_where_the_first_stopped(folder, monkeypatch):
    monkeypatch.setattr(images, "warm_up", lambda device: None)
    monkeypatch.setitem(_images_arms.SOURCES, "ganaug", _images_arms.bent)
    options = ("--methods", "none,random,random+shifts,ganaug+shifts", "--seeds", "2")
    first = run_images(folder, *options)
    lines = folder / "out" / "result.jsonl"
    kept = lines.read_text().splitlines()
    lines.write_text("\n".join(kept[:2]) + "\n" + kept[2][:40])  # killed while writing
    trained = []

    def counted(*args, **kwargs):
        trained.append(args)
        return _images_net.train(*args, **kwargs)

    def no_fit(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(_images_run, "train", counted)
    monkeypatch.setattr(_images_run, "make", no_fit)  # what was made is in the cache
    second = run_images(folder, *options)
    assert len(trained) == 6
    for a, b in zip(first["rows"], second["rows"], strict=True):
        assert {**a, "classifier_seconds": 0} == {**b, "classifier_seconds": 0}
    assert run_images(folder, *options)["rows"] == second["rows"]
    assert len(trained) == 6
    run_images(folder, *options, "--methods", "none", "--fresh")
    assert len(trained) == 8


def test_the_seeds_that_the_time_limit_left_out_are_told(folder, monkeypatch, capsys):
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(_run, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    options = ("--methods", "none", "--seeds", "3", "--max-minutes", str(55 / 60))
    # A seed takes 10 seconds; the third would begin after 50 and end after 60.
    result = run_images(folder, *options)
    assert result["cut"] == [2]
    text = capsys.readouterr().out
    assert "the time limit left out 1 seed(s)" in text
    assert "Cut by the time limit: seed(s) 2" in text


def test_a_reduced_run_says_so_first(folder, capsys):
    options = ("--reduced", "--methods", "random+shifts", "--seeds", "1")
    result = run_images(folder, *options, name="cifar")
    captured = capsys.readouterr()
    assert captured.err.startswith("NOT THE FULL BENCHMARK: reduced")
    assert captured.out.splitlines()[2].startswith("**NOT THE FULL BENCHMARK: reduced")
    assert "A reduced run: 85 training images of all 3 classes (60 down to 5)" in captured.out
    assert result["not_full"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "/nowhere"), "name the folder of the images with --data"),
        (("--reduced",), "2"),
        (("--seeds", "0"), "2"),
    ],
)
def test_what_cannot_be_run_is_refused(folder, options, message):
    with pytest.raises(SystemExit, match=message):
        run_images(folder, *options)
