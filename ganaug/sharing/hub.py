"""Upload and download of saved augmenters on the Hugging Face Hub.

A saved augmenter has two files, and a model card is uploaded with them. Only the two files are
downloaded: they hold numbers and JSON, never code.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganaug.errors import ArtifactError, ConfigError
from ganaug.sharing.card import CARD, write_card
from ganaug.storage import artifact
from ganaug.version import __version__

if TYPE_CHECKING:
    from typing import Self

# Both parts are needed and none starts with a dot, so that a relative path is not taken for an id.
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_REPO_ID = re.compile(f"{_PART}/{_PART}")


class PretrainedMixin:
    """Mixin for estimators that load from folders and share models on the Hugging Face Hub."""

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """Load a model that ``save_pretrained`` or :meth:`push_to_hub` saved, onto the CPU.

        Parameters
        ----------
        path : str or Path
            A folder, or the id ``"user/name"`` of a model on the Hugging Face Hub, which needs the
            extra ``hub``. If a folder of that name exists, it is used.
        revision : str or None
            Branch, tag or commit on the Hub; None is the main branch.
        token : str, bool or None
            Access token for private models; None takes the one saved by ``hf auth login``.
        cache_dir : str, Path or None
            Folder for downloaded files; None is the default cache of the Hub.
        local_files_only : bool, default=False
            Load the model from the cache, without the network.

        Returns
        -------
        GANAugmenter or Pix2PixAugmenter
            An instance of the class on which this method is called.

        Raises
        ------
        ArtifactError
            If there is no such folder or model, it is damaged, or it belongs to another estimator.

        Examples
        --------
        >>> from ganaug import ArtifactError, GANAugmenter
        >>> try:
        ...     GANAugmenter.from_pretrained("no-such-folder")
        ... except ArtifactError:
        ...     print("nothing there")
        nothing there
        """
        options = {"token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        return cls._load(_folder(path, revision, options))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = True,
        token: str | bool | None = None,
        commit_message: str | None = None,
        revision: str | None = None,
    ) -> str:
        """Upload the fitted augmenter and a model card to the Hugging Face Hub.

        The model holds encoded training rows or images of small classes, which everybody who can
        read the repository can recover. By default a new repository is therefore private, and
        pushing to a public one raises an error.

        Parameters
        ----------
        repo_id : str
            ``"user/name"``. The repository is created if it does not exist.
        private : bool or None, default=True
            False shares the model with everybody. None follows the settings of your organisation.
        token : str, bool or None
            Access token with write permission; None takes the one saved by ``hf auth login``.
        commit_message : str or None
        revision : str or None
            Branch to write to, created if it does not exist; None is the main branch.

        Returns
        -------
        str
            URL of the commit.

        Raises
        ------
        ConfigError
            If huggingface_hub (the extra ``hub``) is missing, ``repo_id`` is invalid, or the
            repository is public but ``private`` is True.
        ArtifactError
            If the model cannot be saved, or the upload fails.

        Examples
        --------
        >>> from sklearn.datasets import make_classification
        >>> from ganaug import ConfigError, GANAugmenter
        >>> X, y = make_classification(100, weights=[0.8], random_state=0)
        >>> augmenter = GANAugmenter(max_steps=5, random_state=0).fit(X, y)
        >>> try:
        ...     augmenter.push_to_hub("not an id")
        ... except ConfigError:
        ...     print("not a repository id")
        not a repository id
        """
        library = _library("push_to_hub")
        _check_id(library, repo_id)
        api = library.HfApi(token=token, library_name="ganaug", library_version=__version__)
        message = commit_message or f"Upload {type(self).__name__}"
        with (
            tempfile.TemporaryDirectory() as name,
            _hub_errors(library, f"Not shared as {repo_id}"),
        ):
            self.save_pretrained(Path(name))
            return _push(library, api, self, Path(name), repo_id, private, message, revision)

    if TYPE_CHECKING:  # methods of `Learner`, which every subclass inherits, too

        def save_pretrained(self, path: str | Path) -> None:
            """Save in a folder."""

        @classmethod
        def _load(cls, folder: Path) -> Self: ...


def _folder(path: str | Path, revision: str | None, options: Mapping[str, Any]) -> Path:
    """Return a local folder, or the folder of a model downloaded from the Hub."""
    if Path(path).exists():
        if revision is not None:
            raise ConfigError(
                f"{path} is a local folder, which has no revisions: revision={revision!r} is for "
                "models on the Hugging Face Hub. Rename the folder, or leave out revision."
            )
        return Path(path)
    missing = f"No saved augmenter can be read from {path}: there is no such folder"
    if not isinstance(path, str) or not _REPO_ID.fullmatch(path):
        raise ArtifactError(
            f'{missing}, and it is not the id of a model on the Hugging Face Hub ("user/name").'
        )
    try:
        library = _library("from_pretrained")
    except ConfigError as error:
        raise ArtifactError(f"{missing}. To load it from the Hub, {error}") from None
    with _hub_errors(library, f"{missing}, and no such model from the Hugging Face Hub"):
        folder = library.snapshot_download(
            path,
            revision=revision,
            allow_patterns=[artifact.CONFIG, artifact.WEIGHTS],
            library_name="ganaug",
            library_version=__version__,
            **options,
        )
    return Path(folder)


def _library(method: str) -> Any:
    try:
        import huggingface_hub.utils  # the package imports its submodules only on demand
    except ModuleNotFoundError:
        raise ConfigError(
            f"{method} needs huggingface_hub, which is missing: pip install 'ganaug[hub]'"
        ) from None
    return huggingface_hub


def _check_id(library: Any, repo_id: str) -> None:
    try:
        library.utils.validate_repo_id(repo_id)
    except library.utils.HFValidationError as error:
        raise ConfigError(f"repo_id={repo_id!r} is not possible: {error}") from None


@contextmanager
def _hub_errors(library: Any, message: str) -> Iterator[None]:
    """Raise `ArtifactError` in place of errors of the Hub, the network or the disk."""
    # The bases are the errors of its HTTP library, which differs between versions.
    foreign = (OSError, ValueError, *library.utils.HfHubHTTPError.__bases__)
    try:
        yield
    except (ArtifactError, ConfigError):
        raise
    except foreign as error:
        raise ArtifactError(f"{message}: {error}") from error


def _push(
    library: Any,
    api: Any,
    augmenter: Any,
    folder: Path,
    repo_id: str,
    private: bool | None,
    message: str,
    revision: str | None,
) -> str:
    """Upload a saved augmenter with its card; return the URL of the commit."""
    # If the card cannot be written, no empty repository must be left behind.
    write_card(augmenter, folder, repo_id)
    repo_id = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    if private and not api.model_info(repo_id).private:
        raise ConfigError(
            f"{repo_id} is public, and the model holds encoded training data. Push to a private "
            "repository, or pass private=False if everybody may have these data."
        )
    if revision is not None and not revision.startswith("refs/"):
        api.create_branch(repo_id, branch=revision, exist_ok=True)
    write_card(augmenter, folder, repo_id)  # again, with the owner that the Hub added to the id
    _keep_metadata(library, api, folder, repo_id, revision)
    commit = api.upload_folder(
        repo_id=repo_id,
        folder_path=os.fspath(folder),
        commit_message=message,
        revision=revision,
        delete_patterns=[artifact.WEIGHTS],  # files of an earlier push
    )
    return str(commit.commit_url)


def _keep_metadata(
    library: Any, api: Any, folder: Path, repo_id: str, revision: str | None
) -> None:
    """Keep metadata of an existing card on the Hub, such as a licence that somebody added."""
    if not api.file_exists(repo_id, CARD, revision=revision):
        return
    with tempfile.TemporaryDirectory() as cache:
        existing = api.hf_hub_download(repo_id, CARD, revision=revision, cache_dir=cache)
        old = library.metadata_load(existing) or {}
    new = library.metadata_load(folder / CARD)
    tags = [tag for tag in old.get("tags") or [] if tag not in new["tags"]]
    merged = {**old, **new, "tags": [*new["tags"], *tags]}
    library.metadata_save(folder / CARD, merged)
