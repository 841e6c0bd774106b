"""Network file systems are told from local ones by the list of mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from resilience import Ledger, LedgerError
from resilience.state.ledger.sqlite import database
from resilience.state.ledger.sqlite.filesystems import network_filesystem, network_mount

MOUNTS = [
    "/dev/sda1 / ext4 rw 0 0",
    "server:/export /mnt/share nfs4 rw,vers=4.2 0 0",
    "tmpfs /mnt/share/local tmpfs rw 0 0",
    r"//server/data /mnt/with\040blank cifs rw 0 0",
    "sshfs#host: /mnt/größe fuse.sshfs rw 0 0",
    "/dev/sdb1 /mnt/covered ext4 rw 0 0",
    "server:/x /mnt/covered nfs rw 0 0",
    "ossfs /mnt/bucket fuse.ossfs rw 0 0",
    "mergerfs /mnt/disks fuse.mergerfs rw 0 0",
    "broken",
]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        pytest.param("/home/me", None, id="local"),
        pytest.param("/mnt/share/deep/below", "nfs4", id="below-a-share"),
        pytest.param("/mnt/share/local/x", None, id="a-local-mount-inside-a-share"),
        pytest.param("/mnt/shared", None, id="a-name-that-begins-alike"),
        pytest.param("/mnt/with blank", "cifs", id="escaped-blank"),
        pytest.param("/mnt/größe/x", "fuse.sshfs", id="not-ascii"),
        pytest.param("/mnt/covered", "nfs", id="the-later-mount-covers"),
        pytest.param("/mnt/bucket", "fuse.ossfs", id="object-store"),
        pytest.param("/mnt/disks", None, id="local-fuse"),
    ],
)
def test_the_innermost_mount_decides(folder: str, kind: str | None) -> None:
    """A folder is on a network file system if the innermost of the mounts above it is one."""
    assert network_mount(Path(folder), MOUNTS) == kind


def test_where_nobody_knows_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a list of mounts, as on macOS, a folder counts as local."""
    monkeypatch.setattr("resilience.state.ledger.sqlite.filesystems._MOUNTS", tmp_path / "none")
    assert network_filesystem(tmp_path) is None


def test_a_ledger_on_a_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file system, and no file is made there."""
    monkeypatch.setattr(database, "network_filesystem", lambda _: "nfs4")
    with Ledger(tmp_path / "ledger.db") as ledger, pytest.raises(LedgerError, match="nfs4, a network file system"):
        ledger.get("key")
    assert list(tmp_path.iterdir()) == []
