"""Which file system a folder lies on; the embedded database works on one of this machine only.

Over a network neither `flock` nor the shared memory of the write-ahead log can be relied on: two servers may
both believe they have the folder to themselves, and destroy it.
"""

import re
from pathlib import Path, PurePath

from app.errors import CannotStartError

MOUNT_TABLE = Path("/proc/self/mounts")
_NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs",
    "nfs4", "orangefs", "pvfs2", "smb2", "smb3", "smbfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.cephfs",
    "fuse.davfs", "fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.goofys", "fuse.juicefs", "fuse.mfs",
    "fuse.moosefs", "fuse.rclone", "fuse.s3fs", "fuse.seaweedfs", "fuse.sshfs",
})  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


class NetworkFileSystemError(CannotStartError):
    """The data folder of the embedded database lies on a network file system."""


def require_local(folder: Path) -> None:
    """Refuse a folder on a network file system; where there is no mount table, nothing is known and refused.

    Raises:
        NetworkFileSystemError: it is on one.
    """
    found = file_system_of(folder)
    if found is not None and is_network(found):
        raise NetworkFileSystemError(
            f"{folder} is on a network file system ({found}), which can't hold the embedded database: "
            "use a disk of this machine, or PostgreSQL"
        )


def file_system_of(folder: Path) -> str | None:
    """Return the type of the file system a folder lies on, or would; None where that can't be known."""
    try:
        table = MOUNT_TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return in_table(folder.resolve(), table)


def in_table(path: PurePath, table: str) -> str | None:
    """Return the file system type of the longest mount point above a path; of two alike, the later one."""
    longest, found = -1, None
    for line in table.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004  (device, mount point, type)
            continue
        mounted = PurePath(_decode(fields[1]))
        if path.is_relative_to(mounted) and len(mounted.parts) >= longest:
            longest, found = len(mounted.parts), fields[2]
    return found


def is_network(kind: str) -> bool:
    """Whether a file system of that type is reached over a network."""
    return kind in _NETWORK


def _decode(field: str) -> str:
    """Undo the table's way of writing blanks and backslashes."""
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field)
