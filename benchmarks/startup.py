"""What `import flyreel` and `flyreel --help` cost, in fresh processes.

    python benchmarks/startup.py

Bars: the import at most 0.2 s more than an interpreter that does nothing, the help at most 0.5 s in all; best of five.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from common import bars, head, table

IMPORT_BAR, HELP_BAR = 0.2, 0.5


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    head("startup", best_of=given.repeats)
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import flyreel'": [sys.executable, "-c", "import flyreel"],
        "flyreel --help": [str(Path(sys.executable).with_name("flyreel")), "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(given.repeats):
        for name, command in commands.items():
            times[name].append(seconds(command))
    bare, imported, helped = (min(t) for t in times.values())
    table(
        ("", "best s", "worst s", "beyond python s"),
        [(n, f"{min(t):.3f}", f"{max(t):.3f}", f"{min(t) - bare:.3f}") for n, t in times.items()],
    )
    return bars(
        (f"import: {imported - bare:.3f} s beyond python, at most {IMPORT_BAR}", imported - bare <= IMPORT_BAR),
        (f"--help: {helped:.3f} s, at most {HELP_BAR}", helped <= HELP_BAR),
    )


if __name__ == "__main__":
    sys.exit(main())
