"""A disk so small that it can be filled: a file system in memory, which only the superuser may mount."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A mounted file system with a known end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Take all the space there is, to the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        """Give the space back."""
        self._ballast.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """Mount a small disk; `HEARD_MOUNT=required` fails instead of skipping where that is not allowed."""
    folder = Path(tempfile.mkdtemp(prefix="heard-disk-"))
    size = f"size={megabytes}m,mode=755"
    mount = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    may = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        if not may and os.environ.get("HEARD_MOUNT") != "required":
            pytest.skip("only who may mount a file system can fill one: run as root")
        assert may, "HEARD_MOUNT=required, and a file system can't be mounted"
        yield Disk(folder)
    finally:
        if may:
            subprocess.run([shutil.which("umount") or "umount", folder], check=True)
        folder.rmdir()
