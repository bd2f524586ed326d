"""Which file system a folder lies on, by the table of mounts; and who refuses one on the network."""

import json
from pathlib import Path, PurePosixPath

import pytest
from typer.testing import CliRunner

from app.cli.main import app as command_line
from app.db import filesystems
from app.db.filesystems import NetworkFileSystemError, in_table, is_network
from app.main import create_app
from app.settings import Settings

TABLE = r"""
/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
server:/export /srv nfs4 rw,vers=4.2 0 0
/dev/vdb /srv/fast xfs rw 0 0
//files/office /mnt/with\040blanks cifs rw 0 0
tmpfs /mnt/back\134slash tmpfs rw 0 0
user@host: /media/far fuse.sshfs rw,nosuid 0 0
/dev/vdc /twice ext4 rw 0 0
server:/over /twice nfs rw 0 0
half a
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/var/lib/heard", "ext4"),
    ("/", "ext4"),
    ("/srv/heard", "nfs4"),
    ("/srv", "nfs4"),
    ("/srv/fast/heard", "xfs"),
    ("/srv/faster", "nfs4"),
    ("/srvs/heard", "ext4"),
    ("/mnt/with blanks/data", "cifs"),
    ("/mnt/back\\slash", "tmpfs"),
    ("/media/far/data", "fuse.sshfs"),
    ("/twice/data", "nfs"),
])  # fmt: skip
def test_the_longest_mount_point_above_a_folder_says_what_it_is_on(path: str, kind: str) -> None:
    assert in_table(PurePosixPath(path), TABLE) == kind


def test_a_table_without_a_mount_above_says_nothing() -> None:
    assert in_table(PurePosixPath("/data"), "tmpfs /dev/shm tmpfs rw 0 0\n") is None


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.rclone"]
)
def test_a_file_system_of_the_network_is_known(kind: str) -> None:
    assert is_network(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "virtiofs"]
)
def test_a_disk_of_this_machine_is_not_taken_for_one(kind: str) -> None:
    assert not is_network(kind)


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the table of mounts says is far away; one leads there by a link."""
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    (tmp_path / "mounts").write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {tmp_path}/far nfs4 rw 0 0\n")
    monkeypatch.setattr(filesystems, "MOUNT_TABLE", tmp_path / "mounts")
    return tmp_path


@pytest.mark.parametrize("folder", ["far", "far/not/there/yet", "near/data"])
async def test_the_server_does_not_start_there(far: Path, folder: str) -> None:
    app = create_app(Settings(data_dir=far / folder))
    with pytest.raises(NetworkFileSystemError, match="nfs4"):
        async with app.router.lifespan_context(app):
            pass

    assert list((far / "far").iterdir()) == []


@pytest.mark.parametrize("command", ["migrate", "restore"])
def test_no_command_makes_a_database_there(far: Path, command: str) -> None:
    (far / "data").mkdir()
    environment = {"HEARD_DATA_DIR": str(far / "data"), "HEARD_LOG_LEVEL": "error"}
    run = CliRunner().invoke
    assert run(command_line, ["migrate"], env=environment).exit_code == 0
    assert run(command_line, ["backup", str(far / "b.tar")], env=environment).exit_code == 0
    arguments = [command] if command == "migrate" else [command, str(far / "b.tar")]
    refused = run(command_line, arguments, env={"HEARD_DATA_DIR": str(far / "far")})

    assert refused.exit_code == 1
    assert f"{far}/far is on a network file system (nfs4)" in refused.stderr
    assert refused.stderr.startswith("heard: ")
    assert list((far / "far").iterdir()) == []


def test_with_postgresql_the_folder_may_be_anywhere(far: Path) -> None:
    done = CliRunner().invoke(
        command_line,
        ["doctor", "--json"],
        env={
            "HEARD_DATA_DIR": str(far / "far"),
            "HEARD_DATABASE_URL": "postgresql+asyncpg://h@127.0.0.1:1/h",
        },
    )

    checks = {each["check"] for each in json.loads(done.stdout)}
    assert "database" in checks
    assert "file system" not in checks
