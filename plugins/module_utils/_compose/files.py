"""The project's folder on the host: what is there, what was there before, and how to go back to it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.tiketi.platform.plugins.module_utils._compose.model import Project
from ansible_collections.tiketi.platform.plugins.module_utils._compose.render import compose_file, environment_file

COMPOSE, KEY, PREVIOUS = "compose.yml", "fingerprint.key", "previous"


@dataclass(frozen=True)
class File:
    content: str
    mode: int = 0o600
    owner: int = 0


def wanted(project: Project, folder: str, definitions: Mapping[str, str]) -> dict[str, File]:
    """Every file by its path below the folder."""
    found = {COMPOSE: File(compose_file(project, folder, definitions))}
    for service in project.services:
        if service.environment:
            found[f"{service.name}.env"] = File(environment_file(service))
        for name, content in service.secret_files.items():
            # 0400 of the container's own user: no one else on the host reads it, and the container does.
            found[f"secrets/{service.name}/{name}"] = File(content, 0o400, service.secret_owner)
    return found


class Folder:
    """/srv/<project>, private to root but for the way to the secrets, which containers mount by their user."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def key(self, make: bool) -> bytes:
        """The key of the fingerprints. Without one, every container counts as changed."""
        path = self.path / KEY
        if path.exists():
            return path.read_bytes()
        key = secrets.token_bytes(32)
        if make:
            self._make(self.path)
            self._write(path, File(key.hex()))
            return path.read_bytes()
        return key

    def read(self) -> dict[str, File]:
        found = {}
        for path in [self.path / COMPOSE, *self.path.glob("*.env"), *self.path.glob("secrets/*/*")]:
            if path.is_file():
                about = path.stat()
                found[str(path.relative_to(self.path))] = File(
                    path.read_text(encoding="utf-8"), about.st_mode & 0o777, about.st_uid
                )
        return found

    def write(self, files: Mapping[str, File]) -> list[str]:
        """Write what differs, each file at once; remove what is not wanted. Return the names."""
        current = self.read()
        changed = [name for name, file in files.items() if current.get(name) != file]
        for name in changed:
            path = self.path / name
            for parent in reversed(path.relative_to(self.path).parents):
                self._make(self.path / parent)
            self._write(path, files[name])
        gone = sorted(set(current) - set(files))
        for name in gone:
            (self.path / name).unlink()
        return [*changed, *gone]

    def keep_previous(self, files: Mapping[str, File]) -> None:
        """Until the rollout has ended, so that a killed one can be taken back by the next run's rollback too."""
        place = Folder(str(self.path / PREVIOUS))
        place.drop()
        place.write(files)

    def previous(self) -> dict[str, File]:
        return Folder(str(self.path / PREVIOUS)).read()

    def drop(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def drop_previous(self) -> None:
        Folder(str(self.path / PREVIOUS)).drop()

    @staticmethod
    def _make(path: Path) -> None:
        # 0711 on the way to a secret: its reader passes, and sees no names. The files are private by themselves.
        if not path.exists():
            path.mkdir(parents=True)
            path.chmod(0o711)  # whatever the umask is

    @staticmethod
    def _write(path: Path, file: File) -> None:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(file.content)
                stream.flush()
                os.fsync(stream.fileno())
                os.fchmod(stream.fileno(), file.mode)
                os.fchown(stream.fileno(), file.owner, file.owner)
            os.replace(partial, path)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
