"""What Tencent's SDK is called: names alone, which cost next to nothing to import."""

from __future__ import annotations

from typing import Final

PROVIDER: Final = "tencent"
