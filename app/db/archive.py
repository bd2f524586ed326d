"""The form of a backup: a plain tar of a manifest, exactly the parts it names, and the manifest's hash.

Any tar can list and unpack it. Ours reads nothing else: a plain header where one must stand, the name and the
size the manifest announced, the bytes of that hash, zeros to the end. No name in an archive is ever used as a
path, and since nothing is compressed it unpacks to no more than its own size.
"""

import hashlib
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
PartName = Literal["heard.db", "heard.pgdump", "secret", "admin.key"]
_SMALL: frozenset[str] = frozenset({"secret", "admin.key"})
_SMALL_BYTES = 4096
_MANIFEST_BYTES = 65_536
_BLOCK = tarfile.BLOCKSIZE
_CHUNK = 1 << 20


class DamagedError(Exception):
    """This is no whole, untouched backup; the message says what is wrong with it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(_Strict):
    """One file of a backup."""

    name: PartName
    size: Annotated[int, Field(strict=True, ge=0, le=1 << 50)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(_Strict):
    """What a backup says of itself; `secret_mark` tells two secrets apart without giving either away."""

    format: Literal["heard backup 1"] = "heard backup 1"
    heard: Annotated[str, Field(max_length=40)]
    database: Literal["sqlite", "postgresql"]
    revision: Annotated[str, Field(max_length=200)]
    taken_at: AwareDatetime
    secret_mark: Annotated[str, Field(max_length=64)] | None
    rows: Mapping[Annotated[str, Field(max_length=63)], Annotated[int, Field(strict=True, ge=0)]]
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=3)]

    def names(self) -> list[str]:
        """Return the names of the parts."""
        return [part.name for part in self.parts]

    def encode(self) -> bytes:
        """Return the one way in which this manifest is written."""
        return self.model_dump_json(indent=2).encode() + b"\n"

    def seal(self) -> bytes:
        """Return its hash, as `sha256sum --check` wants it."""
        return f"{hashlib.sha256(self.encode()).hexdigest()}  {MANIFEST}\n".encode()


def describe(name: PartName, path: Path) -> Part:
    """Return a part's size and hash."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Part(name=name, size=file.tell(), sha256=digest)


def write(target: Path, manifest: Manifest, folder: Path) -> None:
    """Write an archive of the parts in a folder, readable by its owner alone, and sync it to disk."""
    with _create(target) as file:
        _write_member(file, MANIFEST, [manifest.encode()], len(manifest.encode()), manifest.taken_at)
        for part in manifest.parts:
            with (folder / part.name).open("rb") as source:
                _write_member(file, part.name, _chunks(source), part.size, manifest.taken_at)
        _write_member(file, SEAL, [manifest.seal()], len(manifest.seal()), manifest.taken_at)
        file.write(bytes(2 * _BLOCK))
        _sync(file)


def publish(made: Path, target: Path) -> None:
    """Give an archive its name.

    Raises:
        FileExistsError: another file has it.
    """
    try:
        os.link(made, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: reserve the name, then take our own place
        _create(target).close()
        made.rename(target)
    sync_folder(target.parent)


def read_manifest(file: IO[bytes]) -> Manifest:
    """Read the manifest at the beginning of an archive.

    Raises:
        DamagedError: there is none, or it is not one of ours.
    """
    size = _read_header(file, MANIFEST)
    if size > _MANIFEST_BYTES:
        raise DamagedError("its manifest is too large")
    raw = b"".join(_read_bytes(file, size))
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError:
        raise DamagedError("its manifest is not one this version can read") from None
    if manifest.encode() != raw:
        raise DamagedError("its manifest is not as we write one")
    _check(manifest)
    return manifest


def unpack(file: IO[bytes], manifest: Manifest, folder: Path) -> None:
    """Write the parts that follow the manifest into a folder, each synced to disk, and read to the very end.

    Raises:
        DamagedError: a part is missing, cut, changed or not announced.
    """
    for part in manifest.parts:
        if _read_header(file, part.name) != part.size:
            raise DamagedError(f"{part.name} is not as large as the manifest says")
        digest = hashlib.sha256()
        with _create(folder / part.name) as target:
            for chunk in _read_bytes(file, part.size):
                digest.update(chunk)
                target.write(chunk)
            _sync(target)
        if digest.hexdigest() != part.sha256:
            raise DamagedError(f"{part.name} is not what was backed up")
    seal = manifest.seal()
    if _read_header(file, SEAL) != len(seal) or b"".join(_read_bytes(file, len(seal))) != seal:
        raise DamagedError("its manifest is not what was backed up")
    if file.read(2 * _BLOCK) != bytes(2 * _BLOCK):
        raise DamagedError("it does not end where the manifest says")
    if any(any(chunk) for chunk in _chunks(file)):
        raise DamagedError("something follows after its end")


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder survive a power cut."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _check(manifest: Manifest) -> None:
    names = manifest.names()
    database = {"sqlite": "heard.db", "postgresql": "heard.pgdump"}[manifest.database]
    if names[0] != database or len(set(names)) != len(names) or not set(names[1:]) <= _SMALL:
        raise DamagedError("its manifest names parts that do not belong together")
    if any(part.size > _SMALL_BYTES for part in manifest.parts if part.name in _SMALL):
        raise DamagedError("its secret or its key is too large to be one")


def _create(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _write_member(
    file: IO[bytes], name: str, chunks: Iterator[bytes] | Sequence[bytes], size: int, at: datetime
) -> None:
    header = tarfile.TarInfo(name)
    header.size, header.mode, header.mtime = size, 0o600, int(at.timestamp())
    file.write(header.tobuf(tarfile.GNU_FORMAT))
    written = sum(file.write(chunk) for chunk in chunks)
    if written != size:
        raise DamagedError(f"{name} changed while it was being written")
    file.write(bytes(-size % _BLOCK))


def _read_header(file: IO[bytes], name: str) -> int:
    """Read one header, which must be that of a plain file of this name, and return its size."""
    try:
        header = tarfile.TarInfo.frombuf(file.read(_BLOCK), "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError):
        raise DamagedError(f"{name} is not where it should be") from None
    if header.type != tarfile.REGTYPE or header.name != name or header.linkname:
        raise DamagedError(f"{name} is not where it should be")
    return header.size


def _read_bytes(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Yield that many bytes, then skip what fills the block."""
    left = size
    while left > 0:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise DamagedError("it is cut short")
        left -= len(chunk)
        yield chunk
    padding = -size % _BLOCK
    if file.read(padding) != bytes(padding):
        raise DamagedError("it is cut short")
