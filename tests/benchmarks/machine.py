"""What this was measured on: the processor, and everybody's version."""

from __future__ import annotations

import platform
from pathlib import Path

from emcli import __version__

from .stage import Stage

HEADED = ("emcli", "scikit-learn", "oneDAL", "mclust", "StepMix", "pomegranate", "pandas")


def header(stage: Stage) -> None:
    """Print them."""
    print(f"{processor()}, {stage.cores} cores; emcli {__version__}")
    with stage.cast(*HEADED) as cast:
        for one in cast:
            said = one.ask("versions")
            found = ", ".join(f"{name} {value}" for name, value in (said or {}).items())
            print(f"  {one.name}: {found or one.trouble}")


def processor() -> str:
    """The processor's name as Linux tells it, else what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
