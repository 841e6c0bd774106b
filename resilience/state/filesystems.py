"""Whether a folder lies on a network file system, where that can be known."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MOUNTS: Final = Path("/proc/self/mounts")
_NETWORK: Final = frozenset(
    "9p afs beegfs ceph cifs fuse.s3fs fuse.sshfs glusterfs lustre nfs nfs4 smb3 smbfs".split()  # noqa: SIM905
)


def network_filesystem(folder: Path) -> str | None:
    """Return the name of the network file system that a folder is on; None if it is local, or nobody knows."""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return network_mount(folder.resolve(), lines)


def network_mount(folder: Path, mounts: list[str]) -> str | None:
    """Return the type of the innermost mount that holds a folder, if it is a network file system."""
    best, kind = -1, ""
    for line in mounts:
        parts = line.split()
        if len(parts) < 3:  # noqa: PLR2004  # device, mount point and type are what we need
            continue
        point = Path(parts[1].encode().decode("unicode_escape"))
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), parts[2]
    return kind if kind in _NETWORK else None
