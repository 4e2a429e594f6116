"""Runs on images that were interrupted or finished: they go on, or are left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("typer", reason="the command line needs the extra cli")
pytest.importorskip("torchvision", reason="images in files need the extra vision")
from PIL import Image

from ganaug import GANAugmenter
from ganaug.cli import image_run
from ganaug.cli import images as cli_images
from tests.cli.images import files_in, images_in, pictures, png, refused
from tests.cli.tables import QUICK, done

# ------------------------------------------------------------------ interrupted runs


def test_a_killed_run_continues_without_training_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight, out = tmp_path / "straight", tmp_path / "out"
    done("augment", folder, "-o", straight, *QUICK)
    monkeypatch.setattr(image_run, "AT_ONCE", 2)
    plain = tmp_path / "plain"
    done("augment", folder, "-o", plain, *QUICK)

    write, written = image_run.write_output, []

    def killed(path: str, data: bytes, *, sync: bool = True) -> None:
        if path.endswith("0004.png"):
            Path(path).with_name(".tmp-torn").write_bytes(data[:10])
            raise KeyboardInterrupt
        write(path, data, sync=sync)
        written.append(Path(path).name)

    monkeypatch.setattr(image_run, "write_output", killed)
    said = refused("augment", folder, "-o", out, *QUICK, status=130)
    assert "out.partial: repeat the command to continue" in said
    assert not out.exists()
    finished = images_in(tmp_path / "out.partial")
    assert "eight/synthetic_0003.png" in finished

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(
        image_run, "write_output", lambda p, d, sync=True: (written.append(p), write(p, d))
    )
    written.clear()
    with monkeypatch.context() as patch:
        patch.setattr(GANAugmenter, "_learn", refuse)
        said = done("augment", folder, "-o", out, *QUICK).stderr
    assert "continuing the run" in said
    made = [Path(path).name for path in written if "synthetic" in path]
    assert made == [f"synthetic_000{i}.png" for i in (4, 5, 6)]
    assert images_in(out) == images_in(plain)
    assert not list(tmp_path.glob("*.partial"))


def test_a_run_ended_by_a_signal_leaves_no_half_result(folder: Path, tmp_path: Path) -> None:
    out, partial = tmp_path / "out", tmp_path / "out.partial"
    command = [sys.executable, "-m", "ganaug", "augment", str(folder), "-o", str(out), *QUICK]
    strategy = ["--sampling-strategy", "eight=20000"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, *strategy], env=environment, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if (partial / "eight" / "synthetic_00001.png").exists() or process.poll() is not None:
                break
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not out.exists()
    names = [path.name for path in (partial / "eight").glob("synthetic_*.png")]
    assert names
    for name in names:
        Image.open(partial / "eight" / name).load()
    state = json.loads((partial / "manifest.json").read_text())
    assert (state["seed"], "complete" in state) == (0, False)


def test_a_finished_run_is_left_alone_and_another_needs_force(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done("augment", folder, "-o", out, *QUICK)
    before = files_in(out)
    said = done("augment", folder, "-o", out, *QUICK).stderr
    assert "complete already: nothing to do" in said
    assert "nothing to do" not in done("augment", folder, "-o", out, *QUICK, "--force").stderr
    other = ("augment", folder, "-o", out, "--max-steps", 2, "--seed", 1)
    assert "--force replaces it" in refused(*other)
    assert files_in(out) == before
    (folder / "one" / "0.png").write_bytes(png(pictures(7, 1)[0]))
    assert "another run; --force" in refused("augment", folder, "-o", out, *QUICK)
    done(*other, "--force")
    after = files_in(out)
    assert after.keys() == before.keys()
    assert after["eight/synthetic_0001.png"] != before["eight/synthetic_0001.png"]
    assert after["one/0.png"] != before["one/0.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "train"]


def test_an_unfinished_run_of_other_options_needs_force(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(image_run, "png_bytes", stop)
        refused("augment", folder, "-o", tmp_path / "out", *QUICK, status=130)
    other = ("augment", folder, "-o", tmp_path / "out", "--max-steps", 1, "--seed", 0)
    said = refused(*other)
    assert "unfinished run with other options (max_steps)" in said
    done(*other, "--force")


def test_files_of_others_are_never_removed(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    done("augment", folder, "-o", out, *QUICK)  # an empty one is fine
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    said = refused("augment", folder, "-o", tmp_path / "mine", "--force", *QUICK)
    assert "has other files in it" in said
    (tmp_path / "new.partial").mkdir()
    (tmp_path / "new.partial" / "thesis.txt").write_text("x")
    assert "out of the way" in refused("augment", folder, "-o", tmp_path / "new", "--force", *QUICK)


# ------------------------------------------------------------------ fit, sample, report


def no_training(*_: Any, **__: Any) -> None:
    raise AssertionError("trained again")


def test_a_finished_result_still_gets_its_report(
    folder: Path, parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jinja2", reason="pages need the extra report")
    judged: list[Any] = []
    monkeypatch.setattr(
        cli_images,
        "write_pages",
        lambda *_, page, seed, **__: (judged.append(seed), page.write_text("page")),
    )
    page = tmp_path / "report.html"
    for source, out in ((folder, "out"), (parquet, "out.parquet")):
        target = () if source == folder else ("-t", "label")
        command = ("augment", source, *target, "-o", tmp_path / out, *QUICK)
        done(*command)
        with monkeypatch.context() as patch:
            patch.setattr(GANAugmenter, "_learn", no_training)
            assert "only the report is made" in done(*command, "--report", page).stderr
            assert page.read_text() == "page"
            page.write_text("mine")
            assert "--force makes both anew" in done(*command, "--report", page).stderr
        assert page.read_text() == "mine"
        done(*command, "--report", page, "--force")
        assert page.read_text() == "page"
        page.unlink()
    assert judged == [0, 0, 0, 0]


def test_an_old_result_that_was_not_removed_is_no_obstacle(folder: Path, tmp_path: Path) -> None:
    out, old = tmp_path / "out", tmp_path / ".out.ganaug-old"
    done("augment", folder, "-o", out, *QUICK)
    other = ("augment", folder, "-o", out, "--max-steps", 2, "--seed", 1, "--force")
    shutil.copytree(out, old)
    done(*other)
    assert not old.exists()
    shutil.copytree(out, old)
    done(*other[:-1])
    assert not old.exists()
    old.mkdir()
    (old / "thesis.txt").write_text("x")
    assert "in the way" in refused("augment", folder, "-o", out, *QUICK, "--force")
    assert (old / "thesis.txt").exists()


def test_a_run_killed_at_its_very_start_can_be_repeated(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / ".tmp-abc").write_text("{")
    done("augment", folder, "-o", tmp_path / "out", *QUICK)
    assert not (tmp_path / "out" / ".tmp-abc").exists()


def test_a_continued_run_keeps_to_its_device(folder: Path, tmp_path: Path) -> None:
    run = image_run.Run(tmp_path / "out")
    done("fit", folder, "-o", run.model, *QUICK)
    found = run.load("cpu")
    assert found is not None
    assert found.get_params()["device"] == "cpu"


def test_two_processes_do_not_share_a_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fcntl", reason="folders are locked on POSIX systems only")
    out, make = ("-o", tmp_path / "out"), image_run.make_images

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        said = refused("augment", folder, *out, "--max-steps", 1, "--force")
        assert "Another process is at work" in said
        return make(*arguments, **options)

    monkeypatch.setattr(image_run, "make_images", meanwhile)
    done("augment", folder, *out, *QUICK)


def test_a_finished_model_outlives_a_failure_of_training(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        model = tmp_path / "out.partial" / image_run.MODEL  # by another process
        model.mkdir()
        (model / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(GANAugmenter, "_learn", interrupted)
    refused("augment", folder, "-o", tmp_path / "out", *QUICK, status=130)
    assert (tmp_path / "out.partial" / image_run.MODEL / "config.json").exists()
