"""The folder of one run: named from its config, written so that the run can be started again at any moment."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

import yaml

import fsqa
from fsqa.errors import InputError, Pruned, Stopped
from fsqa.files import write_json, write_text
from fsqa.study.ending import describe

NOT_IDENTITY = ("study", "outputs", "logger", "allow", "sweep", "speed")
"""Keys that say where a run goes, who watches and beside what, not what it computes."""

PACKAGES = ("torch", "pytorch-lightning", "transformers", "tokenizers", "hydra-core", "datasets", "numpy")

ENDED = ("done", "failed", "interrupted", "pruned")

LOCK = ".lock"
"""The file of a run folder that its process holds; what is in it does not matter."""

LOCK_TRIES, LOCK_PAUSE = 10, 0.05
"""Who only asks whether a run is locked holds its lock for a moment; that must not stop one who wants to run it."""

DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR)


class RunHeldError(InputError):
    """Another process is at the run."""


class RunFolder:
    """Where one run keeps everything, and what state it is in."""

    def __init__(self, config: Mapping[str, Any], choices: Mapping[str, str]) -> None:
        self.config, self.choices = config, choices
        identity = {name: value for name, value in config.items() if name not in NOT_IDENTITY}
        self.config_hash = config_hash(identity)
        self.cell_hash = config_hash({name: value for name, value in identity.items() if name != "seed"})
        parts = [choices.get(group, "custom") for group in ("dataset", "model", "tuning", "loss")]
        rehearsal = ["rehearsal"] if config["rehearse"] else []
        name = "-".join([*rehearsal, *parts, f"seed{config['seed']}", self.config_hash[:8]])
        self.path = Path(config["outputs"]) / config["study"] / name
        self.cache = Path(config["outputs"]) / ".cache"

    @property
    def status(self) -> dict[str, Any]:
        """Return what ``status.json`` holds; empty before the first start. A broken one is an InputError."""
        return read_status(self.path)

    @property
    def is_done(self) -> bool:
        """Whether this very config has been run to its end."""
        if self.status.get("state") != "done":
            return False
        self._check_same_config()
        return True

    @property
    def last_checkpoint(self) -> Path:
        """Where an interrupted run goes on from."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def best_checkpoint(self) -> Path:
        """The weights that are tested and saved."""
        return self.path / "checkpoints" / "best.ckpt"

    @contextmanager
    def running(self) -> Iterator[bool]:
        """Hold the run for this process, and write how it ended: done, failed, pruned or interrupted.

        Yields whether there is anything to do: another process may have finished the run before this one got hold of
        it. The lock dies with its owner, so a killed run never blocks its successor. Raises RunHeldError when another
        process runs it, and InputError when the folder holds another config, or when it cannot be written. Input that
        cannot be trained on leaves no folder behind.
        """
        is_new = not self.path.exists()
        with self._lock(), self._writable():
            if self.is_done:
                yield False
                return
            self._check_same_config()
            self._write_start()
            try:
                yield True
            except (KeyboardInterrupt, Stopped) as stop:
                self.update(state="interrupted", error=describe(stop))
                raise
            except Pruned as end:
                self.update(state="pruned", error=describe(end))
                raise
            except BaseException as error:
                if isinstance(error, InputError) and is_new and not (self.path / "history.jsonl").exists():
                    self._withdraw()
                else:
                    self._fail(error)
                raise
            self.update(state="done", error=None)

    def write_end(self, state: str, reason: str) -> None:
        """Write how a run ended whose process can no longer do it; one that has an end keeps it."""
        if self.status.get("state") != "running":
            return
        with self._lock():
            if self.status.get("state") == "running":
                self.update(state=state, error={"type": "Killed", "message": reason, "traceback": ""})

    @contextmanager
    def _writable(self) -> Iterator[None]:
        """Turn the trouble of a full or closed disk into an InputError."""
        try:
            yield
        except OSError as error:
            if error.errno not in DISK_TROUBLE:
                raise
            raise InputError(
                f"outputs: cannot write to {self.path}: {error.strerror}; free some space or set outputs="
            ) from error

    def check_data(self, fingerprint: str | None) -> None:
        """Raise InputError if what the run has come to was made from other data; None, for not known, passes."""
        held = self.status.get("data_fingerprint")
        has_begun = self.is_done or self.last_checkpoint.is_file()
        if has_begun and held and fingerprint and held != fingerprint:
            raise InputError(
                f"{self.path}: the data has changed since this run was started, so its numbers would belong to "
                "neither; restore the data, move the folder away, or set study= to start anew"
            )

    def update(self, **changes: Any) -> None:
        """Change entries of ``status.json``."""
        status = {**self.status, **changes}
        if changes.get("state") in ENDED:
            status["finished"] = now()
        write_json(self.path / "status.json", status)

    def _withdraw(self) -> None:
        """Remove the folder, and its study's if nothing else is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def _fail(self, error: BaseException) -> None:
        with suppress(OSError):  # a full disk: the error itself is on its way to the user
            self.update(state="failed", error=describe(error))

    def _write_start(self) -> None:
        write_text(self.path / "config.yaml", yaml.safe_dump(dict(self.config), sort_keys=False, allow_unicode=True))
        write_json(
            self.path / "status.json",
            {
                "state": "running",
                "started": self.status.get("started") or now(),
                "finished": None,
                "seconds": None,
                "error": None,
                "seed": self.config["seed"],
                "config_hash": self.config_hash,
                "cell_hash": self.cell_hash,
                "data_sha256": None,
                "data_fingerprint": self.status.get("data_fingerprint"),
                "code_version": code_version(),
                "packages": installed_packages(),
                "host": socket.gethostname(),
                "choices": dict(self.choices),
            },
        )

    def _check_same_config(self) -> None:
        path = self.path / "config.yaml"
        try:
            held = yaml.safe_load(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (yaml.YAMLError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: broken ({reason}); restore it, or delete {self.path} and run again") from None
        for name in self.config:
            if name not in NOT_IDENTITY and (not isinstance(held, dict) or held.get(name) != self.config[name]):
                raise InputError(
                    f"{path}: holds another config (it differs in '{name}'), so this folder "
                    "belongs to another run; restore the file, or move the folder away"
                )

    @contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle = (self.path / LOCK).open("w")
        except OSError as error:
            raise InputError(
                f"outputs: cannot write to {self.path}: {error.strerror}; set outputs= to a folder you own"
            ) from None
        with handle:
            if not any(_locked(handle) for _ in range(LOCK_TRIES)):
                raise RunHeldError(f"{self.path}: another process is running this run; wait for it to end")
            yield


def is_locked(run: Path) -> bool:
    """Whether some process holds a run right now; nothing about the run changes by asking."""
    try:
        handle = (run / LOCK).open("r")
    except OSError:
        return False
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _locked(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        time.sleep(LOCK_PAUSE)
        return False
    return True


def read_status(run: Path) -> dict[str, Any]:
    """Return what ``status.json`` of a run folder holds; empty where there is none. A broken one is an InputError."""
    path = run / "status.json"
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{path}: broken ({error}); delete {run} and run it again") from None
    if not isinstance(status, dict):
        raise InputError(f"{path}: wanted a JSON object, came a {type(status).__name__}; delete {run} and run it again")
    return status


def code_version() -> str:
    """Return fsqa's version, with the commit when it runs from a checkout."""
    folder = Path(fsqa.__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return fsqa.__version__
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=10"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    commit = result.stdout.strip()
    return f"{fsqa.__version__}+g{commit}" if commit else fsqa.__version__


@cache
def installed_packages() -> dict[str, str]:
    """Return the versions of the packages that decide a result."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def config_hash(value: object) -> str:
    """Return twelve hex digits that change whenever a plain config does, but for the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def now() -> str:
    """Return the time in UTC to the second, as a status holds it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
