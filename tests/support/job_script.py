"""Stands for `unreel` in tests of the runner: `python job_script.py KIND RESULT`.

make    writes RESULT             fail    says why and ends with 3        lazy    ends well without a result
linger  says that it has begun in RESULT.begun, then waits for ever; a second start makes RESULT
"""

import os
import signal
import sys
from pathlib import Path
from time import sleep


def main() -> None:
    """Do one of them."""
    kind, result = sys.argv[1], Path(sys.argv[2])
    begun = result.with_suffix(".begun")
    result.parent.mkdir(parents=True, exist_ok=True)
    if kind == "fail":
        print("one line\nwhat went wrong")
        sys.exit(3)
    if kind == "linger" and not begun.exists():
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(75))  # as training ends when it is asked to
        begun.write_text(str(os.getpid()))
        while True:
            sleep(0.05)
    if kind != "lazy":
        result.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "") + " ".join(sys.argv[3:]))


main()
