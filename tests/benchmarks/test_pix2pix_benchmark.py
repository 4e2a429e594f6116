"""The benchmark of pix2pix: its baseline, its figures, and what tuning sees."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("PIL", reason="the image benchmarks need the extra 'vision'")
pytest.importorskip("pyarrow", reason="Parquet files need pyarrow")
from PIL import Image

from benchmarks import pix2pix as benchmark


def two_colours(n: int, seed: int = 0) -> benchmark.Pairs:
    """Return maps of two labels, whose photographs are of two greys with noise."""
    stream = np.random.default_rng(seed)
    labels = stream.integers(0, 2, (n, 4, 4)).repeat(4, 1).repeat(4, 2)
    sources = np.array([(0, 0, 200), (255, 80, 0)], np.uint8)[labels]
    photos = np.array([(60, 60, 60), (180, 180, 180)])[labels] + stream.integers(-9, 10, 3)
    return benchmark.Pairs(sources, photos.astype(np.uint8))


def test_the_palette_is_that_of_the_labels():
    pairs = two_colours(8)
    blended = pairs.sources.copy()
    blended[0, 0, 0] = (1, 1, 199)  # as a smaller copy of a map has at its edges
    assert sorted(map(tuple, benchmark.palette(blended))) == [(0, 0, 200), (255, 80, 0)]


def test_the_baseline_is_the_mean_colour_of_each_label():
    train, held_out = two_colours(50), two_colours(5, 1)
    made = benchmark.mean_colours(train, held_out.sources).astype(float)
    assert np.abs(made - held_out.targets).max() < 20


def test_blurring_lowers_the_gradient_and_distances_tell_samples_apart():
    pairs = two_colours(40)
    judge = benchmark.Judge(pairs.targets)
    scores = [judge.scores(images) for images in (pairs.targets, two_colours(39, 1).targets)]
    flat = judge.scores(np.full_like(pairs.targets, 120))
    assert flat["gradient"] == 0 < scores[0]["gradient"]
    assert scores[0]["l1"] == 0
    assert np.isnan(scores[1]["l1"]), "photographs of other pairs"
    assert flat["mmd_pixels"] > 0.1 > scores[1]["mmd_pixels"]


def write(path: Path, pairs: benchmark.Pairs) -> None:
    def encoded(image: np.ndarray) -> dict[str, object]:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        return {"bytes": buffer.getvalue(), "path": None}

    columns = {"source": pairs.sources, "target": pairs.targets}
    pd.DataFrame({k: [encoded(x) for x in v] for k, v in columns.items()}).to_parquet(path)


def test_tuning_reads_the_training_pairs_alone(tmp_path, capsys):
    write(tmp_path / "facades64_train.parquet", two_colours(30))
    out, figure = tmp_path / "out.json", tmp_path / "out.png"
    files = ["--data", tmp_path, "--out", out, "--figure", figure]
    benchmark.main(["--dev", "10", "--steps", "2", *map(str, files)])
    assert "mean colour of each label" in capsys.readouterr().out
    document = json.loads(out.read_text())
    assert document["pairs"] == {"train": 20, "held_out": 10}
    assert {row["arm"] for row in document["scores"]} >= {"L1 alone", "pix2pix"}
    assert Image.open(figure).size == (8 * 16 * 2, 4 * 16 * 2)


def test_l1_alone_differs_in_nothing_else():
    alone, both = benchmark.recipes().values()
    assert alone.replace(l1=both.regularizers.l1, name=both.name) == both
