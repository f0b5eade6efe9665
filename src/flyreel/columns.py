"""Arrow columns that clips and questions share."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

SPAN = pa.struct([("start", pa.float64()), ("end", pa.float64())])
CUE = pa.struct([*SPAN, ("kind", pa.string()), ("text", pa.string()), ("speaker", pa.string())])


def present(row: dict[str, Any]) -> dict[str, Any]:
    """Canonical JSONL leaves out what is absent rather than writing null."""
    return {name: value for name, value in row.items() if value is not None and value != []}
