"""What newcomers copy runs: the examples, and the marked blocks of the README and the guide."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ganaug import Recipe
from ganaug.models.model import CHUNK
from ganaug.models.selection import COPY_QUANTILE, COPY_ROWS, EVIDENCE_FOLDS, OVERSAMPLING
from ganaug.tables.plan import INTERPOLATE_BELOW, auto_steps

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {
    "albumentations_pipeline.py": [
        r"images of each digit: \[178, 182, 177, 20\]",
        r"of 80 threes in 4 epochs, \d+ were synthetic",
        r"other digits swapped: 0",
        r"saved .*albumentations\.png",
    ],
    "torchvision_dataset.py": [
        r"real: .* with synthetic: ",
        r"oversampled real images: recall \{",
        r"with synthetic ones: +recall \{",
        r"saved .*eights\.png",
    ],
    "cifar10_lt.py": [
        r"oversampled: balanced accuracy 0\.\d+, rare classes 0\.\d+",
        r"with ganaug: balanced accuracy 0\.\d+, rare classes 0\.\d+",
        r"saved .*cifar\.png",
    ],
    "custom_recipe.py": [
        r"did you mean 'n_critic'\?",
        r"step \d+: critic loss -?\d",
        r"History\(\d+ records",
        r"saved .*history\.png",
    ],
    "fraud_table.py": [
        r"20 rare rows among 377",
        r"class weights +found +\d+ of 20, +\d+ false alarms, average precision 0\.\d+",
        r"ganaug +found +\d+ of 20, +\d+ false alarms, average precision 0\.\d+",
        r"saved .*fraud\.png",
    ],
    "grid_search.py": [
        r"with memory: +[\d.]+ s, best \{",
        r"same scores: True",
        r"saved .*search\.png",
    ],
    "hf_dataset.py": [
        r"real: \{'three': \d+, 'five': \d+, 'eight': 20\}",
        r"balanced: \{'three': (\d+), 'five': \d+, 'eight': \d+\}",
        r"original rows untouched: True",
        r"streamed: \d+ rows, \d+ of them synthetic",
        r"saved .*hf-digits\.png",
    ],
    "imblearn_pipeline.py": [
        r"'malignant': 30",
        r"GANAugmenter\(random_state=0\) +recall \{'benign': 0\.\d+, 'malignant': [01]\.\d+\}",
        r"rows added by the last one: \{'malignant': 70\}",
        r"saved .*tumours\.png",
    ],
    "image_selection.py": [
        r"candidates: \d+, kept: \d+%",
        r"dropped as unlike an eight: \d+%, as near-copies: \d+%",
        r"saved .*selection\.png",
    ],
    "mixed_table.py": [
        r"after: \{'stable': 398, 'worse': 398\}",
        r"original rows untouched: True",
        r"dtypes kept: True",
        r"saved .*worse\.png",
    ],
    "pix2pix_facades.py": [
        r"held-out pairs: L1 0\.\d+, of the mean photograph 0\.\d+",
        r"saved .*facades\.png",
    ],
    "pix2pix_rare_masks.py": [
        r"10 eights +recall of eights: train [01]\.\d+, test [01]\.\d+; balanced accuracy 0\.\d+",
        r"and translated masks +recall of eights: train",
        r"saved .*rare-masks\.png",
    ],
    "quality_report.py": [
        r"memorisation +\d\.\d+ +1\.0+ ",
        r"ganaug: told from real rows with AUC [01]\.\d+",
        r"an early gan: told from real rows with AUC [01]\.\d+ \(worse\)",
        r"- (bad|caution|note): ",
        r"saved .*report\.html",
    ],
    "save_and_sample.py": [
        r"made: \{'barbera': 500, 'barolo': 3\}",
        r"the loaded one makes the same rows: True",
        r"ten of five hundred: True",
        r"two calls differ: True",
        r"saved .*wines\.png",
    ],
    "sklearn_pipeline.py": [
        r"class_weight +0\.\d+ ± 0\.\d+",
        r"ganaug +0\.\d+ ± 0\.\d+",
        r"ganaug minus .*: \[",
        r"saved .*scores\.png",
    ],
}


DATA = {"cifar10_lt.py": ROOT.parent / "shared" / "data" / "images"}
"""The folder that an example needs as its second argument."""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    source: str
    line: int
    runnable: bool


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    fence = re.compile(r"(<!-- runnable -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [
        Block(found[2], found[3], text[: found.start(3)].count("\n"), bool(found[1]))
        for found in fence.finditer(text)
    ]


NAMES = (
    "guide", "images", "gans", "stability", "pix2pix", "hf", "report", "sharing",
    "pitfalls", "migration", "extending", "should-i-augment", "choose",
)  # fmt: skip
PAGES = ["README.md", *(f"docs/{name}.md" for name in NAMES)]


def test_every_example_is_tested():
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == set(EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_prints_what_it_promises(name, tmp_path):
    data = DATA.get(name)
    if data is not None and not data.is_dir():
        pytest.skip(f"{name} needs the images of the benchmarks, which are not at {data}")
    arguments = [tmp_path] if data is None else [tmp_path, data]
    # One thread: several workers of the test run share few cores.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", str(ROOT / "examples" / name), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    missing = [line for line in EXAMPLES[name] if not re.search(line, done.stdout)]
    assert not missing, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", DATA)
def test_without_its_data_an_example_ends_with_one_clear_line(name, tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), tmp_path, tmp_path / "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"no .* in .*none: give its folder as the second argument\n", done.stderr)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_is_short_and_says_what_it_shows(name):
    source = (ROOT / "examples" / name).read_text(encoding="utf-8")
    assert len(source.splitlines()) < 65
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("page", PAGES)
def test_the_marked_blocks_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # The pages train to the end; here a start is enough.
    monkeypatch.setattr("ganaug.tables.data.auto_steps", lambda rows: 15)
    monkeypatch.setattr("ganaug.images.plan.image_steps", lambda images, recipe: 15)
    # As in a script, whose classes can be pickled because they are found in this module.
    script = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", script)
    namespace = vars(script)
    marked = [block for block in blocks_of(ROOT / page) if block.runnable]
    assert marked
    for block in marked:
        if block.language == "python":
            # The blank lines give tracebacks the page's own line numbers.
            code = compile("\n" * block.line + block.source, str(ROOT / page), "exec")
            exec(code, namespace)
        else:
            run_commands(block.source)


def run_commands(source: str) -> None:
    """Run each line, a ganaug command, in this process."""
    pytest.importorskip("typer", reason="the command line needs the extra 'cli'")
    from ganaug.cli import main

    for line in source.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "ganaug"
        with pytest.raises(SystemExit) as end:
            main(arguments)
        assert not end.value.code, line


@pytest.mark.parametrize("page", PAGES)
def test_every_python_block_is_run(page):
    assert not [b.line for b in blocks_of(ROOT / page) if b.language == "python" and not b.runnable]


def test_the_guide_writes_what_its_commands_read(root):
    guide = (root / "docs" / "guide.md").read_text(encoding="utf-8")
    assert 'to_csv("train.csv"' in guide
    assert "ganaug augment train.csv" in guide


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs"])
def test_links_between_files_lead_somewhere(page):
    pages = sorted((ROOT / page).glob("*.md")) if page == "docs" else [ROOT / page]
    broken = [
        f"{path.name}: {target}"
        for path in pages
        for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8"))
        if not target.startswith(("http", "#"))
        and not (path.parent / target.partition("#")[0]).exists()
    ]
    assert not broken


def documented(page: str, start: str) -> list[list[str]]:
    """Return the cells of the table of a page that starts so."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (table,) = re.findall(rf"^\| {start} ?\| (.*?)\n\n", text, re.DOTALL | re.MULTILINE)
    return [[cell.strip(" `|") for cell in line.split(" | ")] for line in table.splitlines()]


@pytest.mark.parametrize(
    ("page", "start", "data"),
    [
        ("training.md", "", "table"),
        ("gans.md", "field", "image"),
        ("pix2pix.md", "field of the preset", "pair"),
    ],
)
def test_the_presets_are_the_documented_ones(page, start, data):
    (names, _, *fields) = documented(page, start)
    if data == "pair":
        names = ["pix2pix"]  # the column is called value
    presets = {
        name: flat(Recipe.preset(name, data="pair" if name == "pix2pix" else data))
        for name in names
    }
    wrong = [
        f"{name}: {field} is {shown(presets[name][field])}, not {value}"
        for field, *values in fields
        for name, value in zip(names, values, strict=True)
        if value not in (shown(presets[name][field]), str(presets[name][field]))
    ]
    # What the table leaves out is the same everywhere.
    default, told = flat(Recipe()), {"name", *(field for field, *_ in fields)}
    wrong += [
        f"{name}: {field} is missing"
        for name, preset in presets.items()
        for field in preset.keys() - told
        if preset[field] != default[field]
    ]
    assert not wrong


def shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def test_the_page_on_training_states_the_numbers_of_the_code(root):
    """Change a constant, and this names the sentence to change."""
    from ganaug.tables import anchors, columns, sampling, selection
    from ganaug.training import data, mode_collapse, overpowering_critic

    page = (root / "docs" / "training.md").read_text(encoding="utf-8")
    sentences = [
        f"at most {columns.KNOTS:,} order statistics",
        f"more than {columns.ATOM_MASS:.0%} of the rows (and more than {columns.ATOM_ROWS} rows)",
        f"at most {columns.MAX_ATOMS} of",
        f"Decimals (up to {columns.MAX_DECIMALS})",
        f"up to {columns.ONE_HOT_LEVELS} categories is one-hot",
        f"| 2 to {INTERPOLATE_BELOW - 1} | `interpolate` |",
        f"| {INTERPOLATE_BELOW} or more | `anchored` |",
        f"at most {anchors.ANCHOR_ROWS:,} rows of a class",
        f"{anchors.ANCHOR_NEIGHBOURS} nearest neighbours",
        f"at least {auto_steps(1)} and at most {auto_steps(10**9):,}",
        "$10\\sqrt{n}$ generator steps for $n$ rows",
        f"in {sampling.CALIBRATION_ROUNDS} rounds of {CHUNK:,} samples",
        f"full chunks of {CHUNK:,} rows",
        f"lower than their {selection.EVIDENCE_QUANTILE:.0%} quantile",
        f"nearer than the {COPY_QUANTILE:.0%} quantile",
        f"at most {COPY_ROWS:,} of them",
        f"At most {OVERSAMPLING} candidates",
        f"{data.TrainingRows.monitored} of each",
        f"About {data.TrainingRows.records} times",
        f"below {mode_collapse.COLLAPSE_RATIO} at step {mode_collapse.COLLAPSE_AFTER} or later",
        f"mean is above {overpowering_critic.OVERPOWERED_ACCURACY}",
        f"below {overpowering_critic.STARVED_GRADIENT} of the largest",
    ]
    assert not [sentence for sentence in sentences if sentence not in page]
    assert EVIDENCE_FOLDS == 3, "three small classifiers, each on two thirds of the rows"
    assert auto_steps(10_000) == 10 * 100


def test_the_page_on_images_states_the_numbers_of_the_code(root):
    from ganaug.images.options import MAX_CHANNELS, MAX_SIZE, MIN_SIZE
    from ganaug.images.plan import ANCHOR_BELOW, FLAT
    from ganaug.images.selection import EVIDENCE_QUANTILE
    from ganaug.nets import light

    page = (root / "docs" / "images.md").read_text(encoding="utf-8")
    below = ANCHOR_BELOW
    sentences = [
        f"{MIN_SIZE} to {MAX_SIZE} pixels high and wide",
        f"1 to {MAX_CHANNELS} channels",
        f"2 to {below - 1:,} images, or lacks none | a real image of the class, changed",
        f"these shares is {FLAT:.0%} or more",
        f"{light.LAYOUT} by {light.LAYOUT} means of each channel",
        f"{below:,} images or more",
        f"than {1 - EVIDENCE_QUANTILE:.0%} of the real",
        f"all but {COPY_QUANTILE:.0%} of different real",
    ]
    assert not [sentence for sentence in sentences if sentence not in page]


def flat(recipe: Recipe) -> dict[str, Any]:
    """Return the fields of a recipe and its parts in one dictionary."""
    nested = recipe.to_dict()
    parts = {k: nested.pop(k) for k in ("architecture", "regularizers", "schedule")}
    return nested | {field: value for part in parts.values() for field, value in part.items()}


def test_the_command_line_page_lists_every_option(root):
    pytest.importorskip("typer", reason="the command line needs the extra 'cli'")
    from typer.main import get_command

    from ganaug.cli.app import app

    page = (root / "docs" / "cli.md").read_text(encoding="utf-8")
    commands = get_command(app).commands
    options = {
        option
        for command in commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    assert options - set(re.findall(r"--[a-z][a-z-]+", page)) == set()
    assert set(re.findall(r"--[a-z][a-z-]+", page)) - options <= {"--help"}
    assert set(commands) == set(re.findall(r"^\| `ganaug (\w+)", page, re.MULTILINE))
