"""Augmenters on the Hugging Face Hub: there and back, from the cache, and what is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from ganaug import ArtifactError, ConfigError, GANAugmenter, Pix2PixAugmenter, Recipe
from ganaug.sharing.card import write_card
from tests.report.support import few_digits
from tests.sharing.fake_hub import FakeHub

pytestmark = pytest.mark.filterwarnings("ignore:.*symlinks:UserWarning")

N = 60
NAME = "me/rare"
Y = np.array(["common"] * 45 + ["rare"] * 15)
RNG = np.random.default_rng(0)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "amount": RNG.normal(731.0, 3.0, N).round(4),
            "shop": np.where(RNG.random(N) < 0.5, "Zanzibar-17", "Ouagadougou-23"),
            "note": np.where(RNG.random(N) < 0.3, None, RNG.integers(0, 3, N).astype(str)),
        }
    )


@pytest.fixture(scope="module")
def fitted() -> GANAugmenter:
    return GANAugmenter(max_steps=6, random_state=0).fit(table(), Y)


@pytest.fixture(scope="module")
def translator() -> Pix2PixAugmenter:
    images = RNG.integers(0, 256, (10, 8, 8), dtype=np.uint8)
    return Pix2PixAugmenter(max_steps=2, random_state=0).fit(images, 255 - images)


def reach(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Do what HF_ENDPOINT does, which is read at import only."""
    constants = "huggingface_hub.constants"
    monkeypatch.setattr(f"{constants}.ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)
    older = (
        "huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE"  # has a copy in older versions
    )
    monkeypatch.setattr(older, template, raising=False)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    pytest.importorskip("huggingface_hub", reason="the Hub needs the extra 'hub'")
    fake = FakeHub()
    reach(monkeypatch, fake.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    yield fake
    fake.stop()


def push(augmenter: GANAugmenter | Pix2PixAugmenter, **options: object) -> str:
    return augmenter.push_to_hub(NAME, token="hf_secret", **options)


def rows(augmenter: GANAugmenter) -> pd.DataFrame:
    return augmenter.sample({"rare": 5}, random_state=0)[0]


def test_there_and_back(hub: FakeHub, fitted: GANAugmenter, tmp_path: Path) -> None:
    """A pushed augmenter is downloaded as it was, with its history and counts."""
    address = push(fitted, commit_message="the first one")
    assert address == f"{hub.url}/{NAME}/commit/{hub.repos[NAME].sha('main')}"
    told = {t for r, t in zip(hub.requests, hub.tokens, strict=True) if NAME in r}
    assert told == {"Bearer hf_secret"}
    loaded = GANAugmenter.from_pretrained(NAME, token=False, cache_dir=tmp_path)
    pd.testing.assert_frame_equal(rows(loaded), rows(fitted))
    assert loaded.class_counts_ == fitted.class_counts_ == {"common": 45, "rare": 15}
    assert loaded.history_.records == fitted.history_.records


def test_pairs_there_and_back(hub: FakeHub, translator: Pix2PixAugmenter, tmp_path: Path) -> None:
    """A pushed augmenter of pairs is downloaded as it was."""
    push(translator)
    loaded = Pix2PixAugmenter.from_pretrained(NAME, cache_dir=tmp_path)
    images = RNG.integers(0, 256, (3, 8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(loaded.transform(images), translator.transform(images))
    with pytest.raises(ArtifactError, match=r"Pix2PixAugmenter\.from_pretrained"):
        GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path)
    assert "Sources: Images 8 high and 8 wide" in hub.repos[NAME].files()["README.md"].decode()


def test_a_repository_is_private_unless_asked(hub: FakeHub, fitted: GANAugmenter) -> None:
    push(fitted)
    assert hub.repos[NAME].private
    fitted.push_to_hub("me/open", private=False, token="hf_secret")
    assert not hub.repos["me/open"].private


def test_a_public_repository_is_refused_unless_asked(hub: FakeHub, fitted: GANAugmenter) -> None:
    push(fitted, private=False)
    before = dict(hub.repos[NAME].commits)
    with pytest.raises(ConfigError, match=r"is public.*private=False"):
        push(fitted)
    assert hub.repos[NAME].commits == before
    push(fitted, private=None)


def test_only_the_two_files_are_fetched_and_never_code(
    hub: FakeHub, fitted: GANAugmenter, tmp_path: Path
) -> None:
    push(fitted)
    files = hub.repos[NAME].files()
    traps = dict.fromkeys(("setup.py", "ganaug.py", "model.pkl", "a.bin"), b"raise SystemExit")
    hub.repos[NAME].commit("main", {**files, **traps})
    GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path)
    assert sorted(re.sub(r"[0-9a-f]{16}", "*", name) for name in hub.fetched()) == [
        "config.json",
        "model-*.safetensors",
    ]


def test_a_second_push_leaves_no_old_weights(
    hub: FakeHub, fitted: GANAugmenter, tmp_path: Path
) -> None:
    push(fitted)
    other = GANAugmenter(max_steps=3, random_state=1).fit(table(), Y)
    push(other)
    assert len([name for name in hub.repos[NAME].files() if name.endswith("safetensors")]) == 1
    pd.testing.assert_frame_equal(
        rows(GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path)), rows(other)
    )


def test_revisions(hub: FakeHub, fitted: GANAugmenter, tmp_path: Path) -> None:
    """Branches and commits are chosen by name, and a misspelt one is named."""
    push(fitted)
    first = hub.repos[NAME].sha("main")
    other = GANAugmenter(max_steps=3, random_state=1).fit(table(), Y)
    push(other, revision="trial")
    for revision, expected in ((None, fitted), (first, fitted), ("trial", other)):
        loaded = GANAugmenter.from_pretrained(NAME, revision=revision, cache_dir=tmp_path)
        pd.testing.assert_frame_equal(rows(loaded), rows(expected))
    with pytest.raises(ArtifactError, match="trail"):
        GANAugmenter.from_pretrained(NAME, revision="trail", cache_dir=tmp_path)


def test_a_damaged_download_is_refused(hub: FakeHub, fitted: GANAugmenter, tmp_path: Path) -> None:
    push(fitted)
    files = {
        name: content + b"x" if name.endswith("safetensors") else content
        for name, content in hub.repos[NAME].files().items()
    }
    hub.repos[NAME].commit("main", files)
    with pytest.raises(ArtifactError, match="checksum"):
        GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path)


def test_the_cache_serves_without_a_network(
    hub: FakeHub, fitted: GANAugmenter, tmp_path: Path
) -> None:
    push(fitted)
    GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path)
    n_requests = len(hub.requests)
    kept = GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path, local_files_only=True)
    pd.testing.assert_frame_equal(rows(kept), rows(fitted))
    assert len(hub.requests) == n_requests
    # As users do it: a fresh process that is told by the environment.
    code = (
        "import sys; from ganaug import GANAugmenter\n"
        f"augmenter = GANAugmenter.from_pretrained({NAME!r}, cache_dir=sys.argv[1])\n"
        "print(augmenter.sample({'rare': 5}, random_state=0)[0].to_csv(), end='')"
    )
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": hub.url}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path],
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == rows(fitted).to_csv()
    assert len(hub.requests) == n_requests


def test_what_is_not_in_the_cache_is_missed_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the Hub needs the extra 'hub'")
    with pytest.raises(ArtifactError, match=r"no such folder, and no such model"):
        GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path, local_files_only=True)


def test_a_folder_wins(
    hub: FakeHub, fitted: GANAugmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of that name is loaded, and the Hub is not asked."""
    monkeypatch.chdir(tmp_path)
    fitted.save_pretrained(NAME)
    pd.testing.assert_frame_equal(rows(GANAugmenter.from_pretrained(NAME)), rows(fitted))
    with pytest.raises(ConfigError, match=r"revision='v1'"):
        GANAugmenter.from_pretrained(NAME, revision="v1")
    assert not hub.requests


def test_what_is_neither_is_told_in_both_readings(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"me/none: there is no such folder.*Hub: .*404"):
        GANAugmenter.from_pretrained("me/none", cache_dir=tmp_path)
    hub.requests.clear()
    for path in ("fraud-gan", "a/b/c", "./me/rare", "../rare", tmp_path / "none", Path(NAME)):
        with pytest.raises(ArtifactError, match=r'no such folder, and it is not .*"user/name"'):
            GANAugmenter.from_pretrained(path)
    assert not hub.requests


def test_an_unreachable_hub_is_an_error_of_ours(
    hub: FakeHub, fitted: GANAugmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between its attempts
    with pytest.raises(ArtifactError, match="no such folder, and no such model"):
        GANAugmenter.from_pretrained(NAME, cache_dir=tmp_path)
    with pytest.raises(ArtifactError, match="Not shared as me/rare"):
        push(fitted)


def test_an_impossible_id_is_refused_before_anything_is_sent(
    hub: FakeHub, fitted: GANAugmenter
) -> None:
    for name in ("a b/c", "a/b/c", "-x/y", "x/y.git"):
        with pytest.raises(ConfigError, match="repo_id="):
            fitted.push_to_hub(name)
    assert not hub.requests


def test_an_unfitted_one_is_not_shared(hub: FakeHub) -> None:
    with pytest.raises(ValueError, match="not fitted"):
        push(GANAugmenter())
    assert not hub.requests


def test_a_missing_extra_is_named(fitted: GANAugmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match=r"ganaug\[hub\]"):
        fitted.push_to_hub(NAME)
    with pytest.raises(ArtifactError, match=r"no such folder.*ganaug\[hub\]"):
        GANAugmenter.from_pretrained(NAME)


def test_what_people_wrote_at_the_head_of_the_card_stays(
    hub: FakeHub, fitted: GANAugmenter
) -> None:
    push(fitted)
    files = hub.repos[NAME].files()
    card = files["README.md"].decode()
    assert card.startswith("---\nlibrary_name: ganaug\n")
    assert "license" not in card.partition("\n---\n")[0]
    edited = card.replace("- ganaug\n", "- ganaug\n- shops\n").replace(
        "---\n", "---\nlicense: mit\n", 1
    )
    hub.repos[NAME].commit("main", {**files, "README.md": edited.encode()})
    push(fitted)
    head = hub.repos[NAME].files()["README.md"].decode().partition("\n---\n")[0]
    assert "license: mit" in head
    assert head.count("- ganaug\n") == 1
    assert "- shops" in head


def test_the_card_describes_the_data_without_a_row_of_them(
    fitted: GANAugmenter, tmp_path: Path
) -> None:
    text = write_card(fitted, tmp_path, NAME).read_text(encoding="utf-8")
    assert "| amount | numbers | `float64` | none |" in text
    assert re.search(r"\| shop \| 2 categories \| `\w+` \| none \|", text)
    assert re.search(r"\| note \| 3 categories \| `\w+` \| some \|", text)
    assert "| rare | 15 | 30 | real rows of the class, moved by the generator |" in text
    for value in ("Zanzibar", "Ouagadougou", *table()["amount"].astype(str)):
        assert value not in text
    assert 'GANAugmenter.from_pretrained("me/rare")' in text
    assert "sample({'rare': 100})" in text
    assert "not anonymous" in text
    assert "The file holds 60 encoded rows of the training data" in text
    assert f"| `step` | {fitted.history_['step'][-1]:g} |" in text


def test_names_cannot_break_the_card(tmp_path: Path) -> None:
    X = pd.DataFrame({"a|b\n# head": RNG.normal(size=N), "<img src=x>": RNG.normal(size=N)})
    y = np.where(Y == "rare", "[click](http://x)\n|", "common")
    text = write_card(GANAugmenter(max_steps=2, random_state=0).fit(X, y), tmp_path).read_text()
    assert r"| a\|b \# head | numbers |" in text
    assert r"\<img src=x\>" in text
    assert r"| \[click\](http://x) \| | 15 |" in text
    assert not [line for line in text.splitlines() if line.startswith("# head")]


def test_long_lists_are_cut(tmp_path: Path) -> None:
    """A card names fifty columns and counts the rest."""
    X = pd.DataFrame(RNG.normal(size=(N, 60)), columns=[f"column_{i}" for i in range(60)])
    text = write_card(GANAugmenter(max_steps=2, random_state=0).fit(X, Y), tmp_path).read_text()
    assert r"column\_49" in text
    assert r"column\_50" not in text
    assert "and 10 more." in text


def test_a_gan_for_each_class_has_a_column_each(tmp_path: Path) -> None:
    augmenter = GANAugmenter(recipe=Recipe.preset("gan"), max_steps=3, random_state=0)
    text = write_card(augmenter.fit(table(), Y), tmp_path).read_text()
    assert "| at the end of training | class common | class rare |" in text


def test_a_model_without_a_network_says_so(tmp_path: Path) -> None:
    few = np.concatenate([np.arange(45), np.arange(45, 50)])
    with pytest.warns(match="few|rows"):
        augmenter = GANAugmenter(sampling_strategy={"rare": 8}, max_steps=2, random_state=0).fit(
            table().iloc[few], Y[few]
        )
    text = write_card(augmenter, tmp_path).read_text()
    assert "points between neighbouring rows of the class" in text


@pytest.mark.parametrize("size", [8, 72])
def test_pictures_are_small_and_synthetic(tmp_path: Path, size: int) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib", reason="pictures need the extra 'report'")
    pixels, digits = load_digits(return_X_y=True)
    few = np.concatenate([np.flatnonzero(digits == 0)[:30], np.flatnonzero(digits == 1)[:20]])
    X = np.kron(pixels[few].reshape(-1, 8, 8), np.ones((size // 8, size // 8)))
    X = (X * 15.9).astype(np.uint8)
    augmenter = GANAugmenter(max_steps=2, random_state=0).fit(X, digits[few])
    calls = augmenter._calls
    text = write_card(augmenter, tmp_path).read_text()
    assert augmenter._calls == calls, "the estimator's stream has moved"
    assert "![Synthetic images, by class](samples.png)" in text
    assert f"Images {size} high and {size} wide, 1 channel(s)" in text
    for name in ("samples.png", "training.png"):
        assert (tmp_path / name).stat().st_size < 120_000
        with image.open(tmp_path / name) as picture:
            assert max(picture.size) < 1200


def test_without_matplotlib_there_is_a_card_and_no_picture(
    fitted: GANAugmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganaug.sharing.card.find_spec", lambda name: None)
    text = write_card(fitted, tmp_path).read_text()
    assert "![" not in text
    assert [file.name for file in tmp_path.iterdir()] == ["README.md"]


@pytest.mark.parametrize("counts", [[45], [45, 0], [45, "15"], 60])
def test_impossible_counts_are_refused(
    fitted: GANAugmenter, tmp_path: Path, counts: object
) -> None:
    """Counts of classes in a configuration must fit the model."""
    fitted.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["estimator"]["counts"] = counts
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError):
        GANAugmenter.from_pretrained(tmp_path)


def test_a_model_of_version_0_1_has_no_counts_and_a_card(
    fitted: GANAugmenter, tmp_path: Path
) -> None:
    fitted.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["estimator"]["counts"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded = GANAugmenter.from_pretrained(tmp_path)
    assert loaded.class_counts_ == {}
    assert "| rare | not recorded | 30 |" in write_card(loaded, tmp_path).read_text()


def test_the_card_of_images_names_the_network_that_was_trained(tmp_path):
    images, digits = few_digits()
    augmenter = GANAugmenter(max_steps=2, random_state=0).fit(images, digits)
    text = write_card(augmenter, tmp_path).read_text()
    assert augmenter.model_.recipes[-1].name == "warp"
    assert "| networks | `warp`, width 16 |" in text
    assert "dcgan" not in text


def test_class_names_with_dollars_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    images, digits = few_digits()
    names = np.where(digits == digits[0], "$10_$", "other")
    augmenter = GANAugmenter(max_steps=2, random_state=0).fit(images, names)
    assert "10" in write_card(augmenter, tmp_path).read_text()
