"""Where and when a fit was made, for `--provenance`."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any


def provenance(data: Sequence[str]) -> dict[str, Any]:
    """Time, host, directory, command, input paths and versions."""
    import numpy as np
    import pyarrow as pa

    from emcli import __version__

    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "directory": os.getcwd(),
        "command": ["emcli", *sys.argv[1:]],
        "inputs": [path if path == "-" else os.path.abspath(path) for path in data],
        "versions": {
            "emcli": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "pyarrow": pa.__version__,
        },
        "machine": platform.machine(),
    }
