"""The benchmark of images: its statistics and metrics, its hygiene, and one tiny run."""

from __future__ import annotations

import io
import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from benchmarks import (
    _images_arms,
    _images_data,
    _images_metrics,
    _images_net,
    _images_report,
    _images_run,
    _run,
    _stats,
    images,
)
from benchmarks._images_arms import ARMS, Made, Request
from benchmarks._images_data import FILES, ImageSet, load_images, to_array, to_tensor
from benchmarks._images_net import DIGITS, PHOTOGRAPHS_REDUCED
from ganaug.report import distances

CPU = torch.device("cpu")
SIZES = (60, 20, 5)
QUICK = replace(DIGITS, steps=4)


def pictures(sizes, seed, shape=(16, 16)):
    """Noisy bars, each class at another height, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    drawn = rng.integers(0, 60, (len(labels), *shape), dtype=np.uint8)
    for image, label in zip(drawn, labels, strict=True):
        top = 2 + 4 * label + rng.integers(0, 2)
        image[top : top + 3, 3:13] = rng.integers(180, 256)
    return drawn, labels


def image_set(sizes=SIZES, test=60, shape=(16, 16)):
    drawn, codes = pictures(sizes, 0, shape)
    held_out, held_out_codes = pictures([test] * len(sizes), 1, shape)
    names = tuple(str(code) for code in range(len(sizes)))
    return ImageSet("mnist", drawn, codes, held_out, held_out_codes, names, "digest")


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


@pytest.fixture
def shared_images(root) -> Path:
    path = root.parent / "shared" / "data" / "images"
    if not path.is_dir():
        pytest.skip(f"the images of the benchmark are not at {path}")
    pytest.importorskip("pyarrow", reason="the images come as Parquet")
    pytest.importorskip("PIL", reason="the images are encoded")
    return path


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


# Statistics


def scores(balanced):
    """Rows of a run from {method: balanced accuracy of each seed}."""
    return pd.DataFrame(
        [
            {"seed": seed, "method": method, "overall": 0.5, "balanced": value, "rare": value - 0.1}
            for method, values in balanced.items()
            for seed, value in enumerate(values)
        ]
    )


def test_the_interval_is_students():
    # Mean 3, standard deviation 1.5811, 2.7764 standard errors either way.
    low, high = _stats.t_interval([1, 2, 3, 4, 5])
    assert (low, high) == pytest.approx((3 - 1.9633, 3 + 1.9633), abs=1e-3)
    assert all(math.isnan(x) for x in _stats.t_interval([1.0]))


def test_differences_are_paired_by_seed_and_counted():
    table = _images_report.differences(
        scores({"ganaug+shifts": [0.9, 0.7, 0.8001], "random+shifts": [0.8, 0.75, 0.8, 0.1]})
    )
    assert set(table["score"]) == {"overall", "balanced", "rare"}
    row = table.set_index("score").loc["balanced"]
    assert (row["seeds"], row["wins"], row["ties"], row["losses"]) == (3, 1, 1, 1)
    assert row["difference"] == pytest.approx((0.1 - 0.05 + 0.0001) / 3)
    assert row["worst"] == pytest.approx(-0.05)
    assert row["low"] < row["difference"] < row["high"]


@pytest.mark.parametrize(
    ("name", "gains", "word"),
    [
        ("mnist", [0.01, 0.02, 0.015], "reached"),
        ("mnist", [0.01, 0.02, -0.02], "MISSED"),
        ("cifar", [-0.005, -0.006, -0.004], "reached"),
        ("cifar", [-0.02, -0.02, -0.021], "MISSED"),
    ],
)
def test_the_claim_is_judged_by_the_lower_end_of_the_interval(name, gains, word):
    table = _images_report.differences(
        scores({"ganaug+shifts": [0.8 + g for g in gains], "random+shifts": [0.8] * 3})
    )
    assert _images_report.verdict(table, name, "").startswith(word)
    assert _images_report.verdict(table, name, "reduced").startswith("Not judged (reduced)")


def test_no_claim_without_both_arms():
    table = _images_report.differences(scores({"random": [0.5, 0.6], "ganaug": [0.6, 0.7]}))
    assert _images_report.verdict(table, "mnist", "").startswith("Not judged: needs ganaug+shifts")


# Metrics


def test_mmd_is_unbiased_and_sees_a_difference():
    random = torch.Generator().manual_seed(0)

    def sample(mean=0.0):
        return torch.randn((40, 8), generator=random, dtype=torch.float64) + mean

    same = np.array([_images_metrics.kernel_mmd(sample(), sample(), 4.0) for _ in range(200)])
    assert abs(same.mean()) < 3 * same.std() / math.sqrt(200)
    assert (same < 0).any()
    assert _images_metrics.kernel_mmd(sample(), sample(1.0), 4.0) > same.max()


def test_mmd_of_known_points():
    def kernel(distance):
        return np.mean([math.exp(-(distance**2) / (2 * w**2)) for w in distances.WIDTHS])

    first = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    second = torch.tensor([[0.0], [3.0]], dtype=torch.float64)
    expected = kernel(1) + kernel(3) - 2 * (kernel(1) + kernel(2)) / 2
    assert _images_metrics.kernel_mmd(first, second, 1.0) == pytest.approx(expected)
    wider = _images_metrics.kernel_mmd(10 * first, 10 * second, 10.0)
    assert wider == pytest.approx(expected)


def test_coverage_of_known_points():
    real = torch.arange(60, dtype=torch.float64)[:, None]
    assert _images_metrics.coverage(real, real + 0.1) == 1
    assert _images_metrics.coverage(real, real + 1000) == 0
    # One point is among the five nearest of those up to 3 away, 2 or 3 of them on each side.
    assert 5 / 60 <= _images_metrics.coverage(real, torch.tensor([[30.0]]).double()) <= 7 / 60
    assert math.isnan(_images_metrics.coverage(real[:49], real))


def test_metrics_tell_copies_noise_and_real_images_apart():
    data = image_set()
    judges = _images_metrics.Judges(data, replace(DIGITS, steps=60), CPU)
    noise = torch.randint(0, 256, (40, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    copies = _images_arms.copied(Request(data, 0))
    pools = {
        "noise": noise.to(torch.uint8),
        "copies": to_tensor(copies.images[copies.codes == 2]),
    }
    found = _images_metrics.describe_class(judges, 2, pools, 0)
    assert found["copies"]["copy_rate"] == 1
    assert found["copies"]["memorisation"] == pytest.approx(0, abs=1e-6)
    assert math.isnan(found["copies"]["recognised"])
    assert found["real"]["copy_rate"] < 0.1
    assert found["real"]["memorisation"] == pytest.approx(1, abs=0.1)
    assert found["real"]["diversity"] == pytest.approx(1, abs=0.1)
    assert abs(found["real"]["mmd"]) < found["noise"]["mmd"] / 5
    assert found["noise"]["memorisation"] > 1.5
    # Half of the 60 held-out images are too few for coverage.
    assert all(math.isnan(values["coverage"]) for values in found.values())
    again = _images_metrics.describe_class(judges, 2, pools, 0)
    assert json.dumps(found) == json.dumps(again)  # NaN equals NaN only in writing


def test_coverage_needs_a_hundred_held_out_images():
    data = image_set(test=100)
    judges = _images_metrics.Judges(data, QUICK, CPU)
    found = _images_metrics.describe_class(judges, 1, {"copies": judges.images[:1]}, 0)
    assert 0 <= found["real"]["coverage"] <= 1


# What the arms share


def test_arms_begin_with_the_same_weights_and_differ_between_seeds():
    first, again, other = (
        _images_net.Classifier(DIGITS, (1, 16, 16), 3, seed) for seed in (0, 0, 1)
    )
    for (name, a), b, c in zip(
        first.named_parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(a, b)
        assert name.endswith("bias") or not torch.equal(a, c)


def test_building_a_classifier_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    data = image_set()
    _images_net.train(
        replace(PHOTOGRAPHS_REDUCED, steps=1),
        to_tensor(data.images),
        torch.from_numpy(data.codes),
        3,
        0,
        balanced=True,
        moved=True,
        device=CPU,
    )
    assert torch.equal(before, torch.get_rng_state())


def test_a_class_without_made_images_shows_the_same_ones_in_every_arm():
    codes = torch.from_numpy(image_set().codes)
    with_more = torch.cat([codes, torch.full((55,), 2)])
    plain, more = (_images_net.batches(c, 3, DIGITS, 0, balanced=True) for c in (codes, with_more))
    untouched = codes[plain] < 2
    assert torch.equal(codes[plain], with_more[more])
    assert torch.equal(plain[untouched], more[untouched])
    assert not torch.equal(plain[~untouched], more[~untouched])


def test_batches_are_balanced_or_natural():
    codes = torch.from_numpy(image_set().codes)
    balanced, natural = (
        codes[_images_net.batches(codes, 3, DIGITS, 0, balanced=flag)].flatten()
        for flag in (True, False)
    )
    n = len(natural)
    for drawn, shares in ((balanced, np.full(3, 1 / 3)), (natural, np.array(SIZES) / sum(SIZES))):
        found = torch.bincount(drawn, minlength=3).numpy() / n
        assert np.abs(found - shares).max() < 4 * 0.5 / math.sqrt(n)


def test_shifts_and_rotations_of_known_size():
    image = torch.zeros(1, 1, 20, 20)
    image[0, 0, 8:11, 8:11] = 1
    still = torch.full((3, 1), 0.5)
    assert torch.allclose(_images_net.shift_and_rotate(image, still), image, atol=1e-5)
    up_left = _images_net.shift_and_rotate(image, torch.tensor([[0.5], [1.0], [1.0]]))
    assert torch.allclose(up_left, image.roll((-2, -2), (2, 3)), atol=1e-4)
    turned = _images_net.shift_and_rotate(image, torch.tensor([[1.0], [0.5], [0.5]]))
    assert float(turned.sum()) == pytest.approx(9, rel=0.1)
    assert not torch.allclose(turned, image, atol=1e-2)


def test_mirroring_and_reflected_shifts():
    image = torch.arange(36.0).reshape(1, 1, 6, 6)
    move = _images_net.shift_and_mirror
    still = 0.5
    assert torch.equal(move(image, torch.tensor([[still], [still], [0.9]])), image)
    assert torch.equal(move(image, torch.tensor([[still], [still], [0.1]])), image.flip(3))
    lowest = move(image, torch.tensor([[0.0], [still], [0.9]]))
    rows = lowest[0, 0, :, 0] / 6
    assert rows.tolist() == [4, 3, 2, 1, 0, 1]


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


@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 3)])
def test_images_become_tensors_and_back(shape):
    drawn = image_set(shape=shape).images
    tensor = to_tensor(drawn)
    assert tensor.shape[1:] == ((shape[2] if len(shape) == 3 else 1), 16, 16)
    np.testing.assert_array_equal(to_array(tensor), drawn)


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


def test_a_reduced_set_keeps_all_classes_and_is_the_same_every_time():
    data = image_set(sizes=[300, 200, 100, 60], test=40)
    small = data.cut(largest=100, smallest=2, test_images=10)
    assert small.counts == [100, 27, 7, 2]
    assert small.imbalance == 50
    assert np.bincount(small.test_codes).tolist() == [10] * 4
    again = data.cut(largest=100, smallest=2, test_images=10)
    np.testing.assert_array_equal(small.images, again.images)
    assert small.digest != data.digest
    assert set(map(bytes, small.images)) <= set(map(bytes, data.images))


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


def test_the_time_limit_is_kept_and_told(folder, monkeypatch, capsys):
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
        (("--methods", "elastik"), "Unknown: elastik"),
        (("--data", "/nowhere"), "name the folder of the images with --data"),
        (("--reduced",), "2"),
        (("--seeds", "0"), "2"),
    ],
)
def test_what_cannot_be_run_is_refused(folder, options, message):
    with pytest.raises(SystemExit, match=message):
        run_images(folder, *options)


def test_the_shared_sets_are_what_the_readme_says(shared_images):
    digits = load_images(shared_images, "mnist")
    assert digits.images.shape == (7060, 28, 28)
    assert [digits.classes[code] for code in digits.rare] == ["1", "4", "7"]
    assert [digits.counts[code] for code in digits.rare] == [20] * 3
    assert len(digits.test_codes) == 2000
    photographs = load_images(shared_images, "cifar")
    assert photographs.images.shape == (12406, 32, 32, 3)
    small = photographs.cut(images.LARGEST, images.SMALLEST, images.TEST_IMAGES)
    assert len(small.classes) == 10
    assert small.imbalance >= 50
    assert min(small.counts) == 20
    assert len(small.test_codes) == 2000
    assert _images_data.by_class(small.codes, 9).size == 20
