"""Tell whether a folder is on a network file system, as far as that can be known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mounts")
# File systems of other machines, and those that show an object store as files. SQLite's locks and shared memory do not
# work between the machines that mount one. Source: sqlite.org, "Write-Ahead Logging", section 1, read 2026-11-21.
_NETWORK: Final = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.ceph-fuse", "fuse.cosfs", "fuse.gcsfuse", "fuse.glusterfs",
    "fuse.goofys", "fuse.juicefs", "fuse.ossfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "glusterfs", "lustre",
    "ncpfs", "nfs", "nfs4", "smb3", "smbfs",
})  # fmt: skip
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


def network_filesystem(folder: Path) -> str | None:
    """Return the type of the network file system that a folder is on; None if it is local or unknown."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    return network_mount(folder.resolve(), lines)


def network_mount(folder: Path, mounts: Iterable[str]) -> str | None:
    """Return the type of a folder's mount if it is a network file system, else None."""
    best, kind = -1, ""
    for line in mounts:
        parts = line.split(" ")
        if len(parts) < 3:  # noqa: PLR2004  # device, mount point and type are what we need
            continue
        # Blanks, tabs, line breaks and backslashes are written in octal.
        point = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), parts[1]))
        # Of two mounts on one point the later one is in effect.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), parts[2]
    return kind if kind in _NETWORK else None
