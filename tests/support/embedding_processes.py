"""Runs `unreel embed` in forked processes, which share what was imported once; killed, or as on a full disk.

python embedding_processes.py WORD…      a line of JSON to stdin asks for a run, one to stdout says how it ended
"""

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from tempfile import gettempdir
from typing import Any


def run(words: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """One run of `unreel embed`; killed `after` so many seconds, counted from when `seen` is there."""
    reader, writer = os.pipe()  # which no limit of files holds for
    begun = time.monotonic()
    process = os.fork()
    if not process:
        for number in (1, 2):
            os.dup2(writer, number)
        embed([*words, "--out", asked["place"]], asked.get("largest", resource.RLIM_INFINITY))
    os.close(writer)
    if "after" in asked:
        seen = Path(asked.get("seen", "/"))
        while not seen.exists() and not ended(process):
            time.sleep(0.0002)
        time.sleep(asked["after"])
        os.kill(process, signal.SIGKILL)
    with os.fdopen(reader, "rb") as said:
        text = said.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return {"code": code, "said": text, "seconds": time.monotonic() - begun}


def ended(process: int) -> bool:
    """Whether a process has ended, which is left to be waited for."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def embed(words: list[str], largest: int) -> None:
    """The verb as it is typed; no file may become larger than `largest` bytes, as if the disk were full."""
    import unreel.cli

    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY))
    sys.argv = ["unreel", "embed", *words]
    try:
        unreel.cli.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(words: list[str]) -> None:
    """Import everything, then do what is asked for."""
    import unreel.cli.embed
    import unreel.search.lance
    import unreel.search.update

    unreel.search.update.ROWS_AT_ONCE = 1
    __import__("lancedb")
    gettempdir()  # found out by writing, which is not to happen first on a disk that is full
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(run(words, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
