"""A run of ``augment`` on images: it can be killed, and the same command continues it.

The run works in a folder beside the result, ``RESULT.partial``. It writes its options there, then
the trained model, then the images; a file appears once it is complete. The result appears when
all of it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganaug.cli.files.image_names import file_names, folder_name, png_bytes
from ganaug.errors import ConfigError
from ganaug.runtime.rng import derive
from ganaug.storage.files import write_output

if TYPE_CHECKING:
    from ganaug.augmenter import GANAugmenter

STATE, MODEL, KIND = "manifest.json", ".ganaug-model", "ganaug.images.formats"
AT_ONCE = 256
"""Images drawn at a time: an interruption loses at most this many."""


def fingerprint_of(digest: str, options: Mapping[str, Any]) -> str:
    """Return a hash of the images and of the options that decide the result."""
    document = json.dumps({"images": digest, **options}, sort_keys=True, default=str)
    return hashlib.sha256(document.encode()).hexdigest()


def read_state(folder: Path) -> dict[str, Any]:
    """Return the state that a run saved in its folder; empty for any other folder."""
    try:
        state = json.loads((folder / STATE).read_bytes())
    except (OSError, ValueError):
        return {}
    ours = isinstance(state, dict) and state.get("kind") == KIND
    return state if ours else {}


class Run:
    """The folder of an unfinished run.

    Parameters
    ----------
    result : Path
        Where the result appears in the end.
    """

    def __init__(self, result: Path) -> None:
        self.folder = result.with_name(result.name + ".partial")
        self.state: dict[str, Any] = {}
        self._lock: int | None = None

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._unlock()

    def begin(self, fingerprint: str, seed: int, options: Mapping[str, Any], force: bool) -> bool:
        """Continue an unfinished run, or begin a new one; return whether a run is continued.

        Raises
        ------
        ConfigError
            If the folder has an unfinished run of other images or options and ``force`` is not
            set, or if another process works in it.
        """
        if self.folder.is_dir():
            self._lock_folder()
        earlier = read_state(self.folder)
        if earlier.get("fingerprint") == fingerprint:
            self.state = earlier
            for temporary in self.folder.rglob(".tmp-*"):  # of a write that was killed
                temporary.unlink()
            return True
        if self.folder.exists():
            self._check_droppable(earlier, options, force)
            self.drop()
        self.folder.mkdir()
        self._lock_folder()
        self.state = {"kind": KIND, "fingerprint": fingerprint, "seed": seed, "options": options}
        self.save()
        return False

    def _lock_folder(self) -> None:
        """Lock the folder for this process; the system unlocks it when the process ends."""
        try:
            import fcntl
        except ImportError:  # Windows
            return
        self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise ConfigError(
                f"Another process is at work in {self.folder}; wait until it ends, or name another "
                "result."
            ) from None
        except OSError:  # a file system without locks
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _check_droppable(
        self, earlier: Mapping[str, Any], options: Mapping[str, Any], force: bool
    ) -> None:
        """Raise `ConfigError` if the folder holds work that would be lost, or files of others."""
        if not earlier and not _only_temporary(self.folder):
            raise ConfigError(f"{self.folder} is not an unfinished run; move it out of the way.")
        if force or not self.trained:  # nothing is lost
            return
        old = earlier.get("options", {})
        changed = [name for name, value in options.items() if old.get(name) != value]
        what = f"other options ({', '.join(changed)})" if changed else "other images"
        raise ConfigError(
            f"{self.folder} is an unfinished run with {what}. Repeat its command to finish it, or "
            "use --force to begin anew."
        )

    def save(self, **changes: Any) -> None:
        """Add to the state and write it, atomically."""
        self.state |= changes
        document = json.dumps(self.state, indent=1, default=str)
        write_output(str(self.folder / STATE), document.encode())

    @property
    def model(self) -> Path:
        """Where the trained model is saved."""
        return self.folder / MODEL

    @property
    def trained(self) -> bool:
        """Whether a complete model is saved."""
        return (self.model / "config.json").exists()

    def load(self, device: str) -> GANAugmenter | None:
        """Return the augmenter that an earlier start of the run has trained, if it has."""
        from ganaug.augmenter import GANAugmenter
        from ganaug.runtime.device import choose_device

        if not self.trained:
            return None
        augmenter = GANAugmenter.from_pretrained(self.model).set_params(device=device)
        augmenter.model_.to(choose_device(device, mps=False))
        return augmenter

    def drop(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder)
        self._unlock()


def _only_temporary(folder: Path) -> bool:
    """Return whether a folder holds nothing but files of writes that were killed."""
    return folder.is_dir() and all(file.name.startswith(".tmp-") for file in folder.iterdir())


def make_images(
    augmenter: GANAugmenter,
    wanted: Mapping[Any, int],
    folder: Path,
    seed: int,
    *,
    first: Mapping[Any, int],
    progress: bool,
    name: Callable[[Any], str] = folder_name,
) -> dict[Any, list[Path]]:
    """Write synthetic images into a folder for each class, except those that exist.

    Parameters
    ----------
    augmenter : GANAugmenter
    wanted : mapping
        Number of images of each class.
    folder : Path
        Where the folders of the classes are made.
    seed : int
        The same seed gives the same images, however often the run was interrupted.
    first : mapping
        Number in the name of the first image of each class; 1 for a class that is missing.
    progress : bool
        Show a bar on standard error.
    name : callable
        Returns the name of the folder of a class.

    Returns
    -------
    dict
        All files of each class.
    """
    from tqdm.auto import tqdm

    made: dict[Any, list[Path]] = {}
    bar = tqdm(total=sum(wanted.values()), desc="writing images", disable=not progress)
    with bar:
        for number, (label, count) in enumerate(wanted.items()):
            home = folder / name(label)
            home.mkdir(parents=True, exist_ok=True)
            made[label] = [home / name for name in file_names(first.get(label, 1), count)]
            for start in range(0, count, AT_ONCE):
                part = made[label][start : start + AT_ONCE]
                if not all(file.exists() for file in part):
                    draw = derive(seed, "images", number, start)
                    images, _ = augmenter.sample({label: len(part)}, random_state=draw)
                    for file, pixels in zip(part, images, strict=True):
                        if not file.exists():
                            write_output(str(file), png_bytes(pixels), sync=False)
                bar.update(len(part))
    return made


def copy_files(files: Mapping[Path, Path], *, progress: bool) -> None:
    """Copy files, given as source and copy, atomically, except copies that exist."""
    from tqdm.auto import tqdm

    for source, copied in tqdm(files.items(), desc="copying originals", disable=not progress):
        if not copied.exists():
            copied.parent.mkdir(parents=True, exist_ok=True)
            write_output(str(copied), source.read_bytes(), sync=False)


def publish(run: Run, result: Path) -> None:
    """Move the folder of a finished run to the place of the result."""
    shutil.rmtree(run.model, ignore_errors=True)
    remove_old(result)
    if result.exists():
        result.rename(_old(result))
    run.folder.rename(result)
    remove_old(result)


def _old(result: Path) -> Path:
    """Return where an earlier result is put aside while the new one takes its place."""
    return result.with_name(f".{result.name}.ganaug-old")


def check_old(result: Path) -> None:
    """Check, before any work, that an earlier result can be put aside.

    Raises
    ------
    ConfigError
        If a file or folder that ganaug has not made is in its place.
    """
    old = _old(result)
    if old.exists() and not read_state(old) and not _only_temporary(old):
        raise ConfigError(f"{old} is in the way and is not a result of ganaug; move it elsewhere.")


def remove_old(result: Path) -> None:
    """Remove an earlier result that was put aside; raise `ConfigError` if it is not ganaug's."""
    check_old(result)
    old = _old(result)
    if not old.exists():
        return
    for entry in old.iterdir():
        if entry.name == STATE:  # removed last: it marks the folder as ganaug's
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (old / STATE).unlink(missing_ok=True)
    old.rmdir()
