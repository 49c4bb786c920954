"""Downloading one file: interrupted, it resumes where it was; its name appears only when it is whole and verified.

UCF101.rar.part         what has come so far
UCF101.rar.part.json    where it comes from, and in which state the server had it
UCF101.rar.rejected      all of it, but with a checksum that is not the published one
"""

import json
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from unreel.engine.files import why, write_whole
from unreel.engine.progress import ProgressBar
from unreel.errors import CollectionError, OutputError
from unreel.extras import require
from unreel.video.fetch.remote import RemoteFile, in_units, is_page

_CHUNK = 1 << 16
_TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server (seconds), and how many attempts in a row may bring no new byte."""

    connect: float = 20.0
    silence: float = 60.0
    attempts: int = 6
    first_pause: float = 1.0
    longest_pause: float = 60.0


def download(file: RemoteFile, path: Path, patience: Patience | None = None) -> None:
    """Bring `file` to `path`; one that is there already is verified.

    Where the checksum is published it vouches for what comes, in place of the server's certificate.

    Raises:
        CollectionError: no address gives the file, it is not what was expected, or it cannot be written.
        MissingExtraError: requests is not installed.
    """
    rejections = []
    try:
        if path.exists():
            fault = file.fault(path)
            if fault:
                raise CollectionError(f"{path} {fault}. Delete it and run this again: it is downloaded anew.")
            return
        for address in file.addresses:
            try:
                _Transfer(file, address, path, patience or Patience()).run()
                return
            except _Rejected as rejection:
                rejections.append(f"  {address} {rejection}")
    except (OSError, OutputError) as error:
        raise CollectionError(
            f"{path} cannot be written: {why(error)}. Mend that and run this again: it resumes where it was."
        ) from error
    source = f" from {file.homepage}" if file.homepage else ""
    raise CollectionError(
        f"{file.name} could not be downloaded:",
        *rejections,
        f"Run this again later, or download it with a browser{source} to {path} and run this again.",
    )


def size_of(file: RemoteFile, patience: Patience | None = None) -> int | None:
    """Its size in bytes as published or as the first address says it; None where neither does."""
    if file.size is not None:
        return file.size
    try:
        with _Transfer(file, file.addresses[0], Path(), patience or Patience()).answer("HEAD", {}) as response:
            return _number(response.headers.get("Content-Length", ""))
    except (_Broken, _Rejected):
        return None


class _Broken(Exception):
    """Something that another attempt may mend."""


class _Rejected(Exception):
    """The address does not give the file."""


@dataclass(frozen=True)
class _State:
    """What the beginning of a file is part of: the validators that the server gave, and the whole size in bytes."""

    address: str = ""
    etag: str = ""
    modified: str = ""
    size: int | None = None

    @classmethod
    def read(cls, path: Path) -> "_State":
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()

    def write(self, path: Path) -> None:
        write_whole(path, json.dumps(asdict(self)))

    @property
    def validator(self) -> str:
        """For `If-Range`, which takes no weak entity tags (RFC 9110, 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


@dataclass(frozen=True)
class _Transfer:
    """A file on its way from one address."""

    file: RemoteFile
    address: str
    path: Path
    patience: Patience

    @property
    def part(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def note(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part.json")

    def run(self) -> None:
        """Attempt until the file is whole, then verify it and give it its name."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        reached = idle = 0
        while True:
            try:
                self._attempt()
                break
            except _Broken as error:
                came = _size(self.part)
                idle = idle + 1 if came <= reached else 0
                reached = max(reached, came)
                if idle >= self.patience.attempts:
                    raise _Rejected(f"{error}, and {idle} attempts brought nothing new") from error
                time.sleep(min(self.patience.first_pause * 2 ** max(idle - 1, 0), self.patience.longest_pause))
        fault = self.file.fault(self.part)
        if fault:
            rejected = self.path.with_name(f"{self.path.name}.rejected")
            self.part.replace(rejected)
            self.note.unlink()
            raise _Rejected(f"gave a file that {fault}; it is kept as {rejected}")
        self.part.replace(self.path)
        self.note.unlink()

    def _attempt(self) -> None:
        """Ask for what is missing and take what comes."""
        state, have = _State.read(self.note), _size(self.part)
        if state.address != self.address or not (state.validator or self.file.sha256):
            have = 0  # nothing could tell whether the rest belongs to this beginning
        if have and have == state.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        if have and state.validator:
            headers["If-Range"] = state.validator
        with self.answer("GET", headers) as response:
            if response.status_code == 416:
                if state.size is None and _total(response) == have:
                    return
                self.note.unlink(missing_ok=True)
                raise _Broken(f"says that the file has {_total(response)} bytes, but said {state.size} before")
            if response.status_code == 206:
                self._check_rest(response, have, state)
            else:
                have, state = 0, self._begin(response)
            self._take(response, have, state)

    @contextmanager
    def answer(self, method: str, headers: dict[str, str]) -> Iterator[Any]:
        """The answer of the server, whose status is a success or 416."""
        with self._ask(method, headers) as response:
            said = f"answered {response.status_code} {response.reason}"
            if response.status_code in _TRY_AGAIN:
                raise _Broken(said)
            if response.status_code not in (200, 206, 416):
                raise _Rejected(said)
            yield response

    def _ask(self, method: str, headers: dict[str, str]) -> Any:
        requests = require("requests", "fetch")
        # identity: a server must not pack what is counted here in bytes of the file
        headers = {"Accept-Encoding": "identity", "User-Agent": f"unreel/{metadata.version('unreel')}"} | headers
        timeout = (self.patience.connect, self.patience.silence)
        verify = not self.file.sha256  # which vouches for what comes, as no certificate does
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Unverified HTTPS request")
                return requests.request(
                    method, self.address, headers=headers, stream=True, timeout=timeout, verify=verify
                )
        except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise _Rejected(f"has a certificate that cannot be verified: {_root(error)}") from error
            raise _Broken(f"could not be reached: {_root(error)}") from error
        except requests.exceptions.RequestException as error:
            raise _Rejected(f"cannot be asked: {error}") from error

    def _check_rest(self, response: Any, have: int, state: _State) -> None:
        """See that what comes goes on where we are, in the same file."""
        begins = f"bytes {have}-"
        said, etag = response.headers.get("Content-Range", ""), response.headers.get("ETag", "")
        same_size = state.size is None or _total(response) in (None, state.size)
        if not have or not said.startswith(begins) or not same_size or (etag and state.etag and etag != state.etag):
            self.note.unlink(missing_ok=True)  # the next attempt begins anew
            raise _Broken(f"sent {said!r} of another state of the file, expected {begins!r} of the one before")

    def _begin(self, response: Any) -> _State:
        """Note what the server says of the file that now comes from its beginning."""
        size = _number(response.headers.get("Content-Length", ""))
        if None not in (size, self.file.size) and size != self.file.size:
            raise _Rejected(f"has a file of {size} bytes, expected {self.file.size}")
        etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
        state = _State(self.address, etag, modified, size)
        self.note.unlink(missing_ok=True)
        self.part.write_bytes(b"")
        state.write(self.note)
        return state

    def _take(self, response: Any, have: int, state: _State) -> None:
        """Append what comes to the part that is there."""
        urllib3 = require("urllib3", "fetch")
        if state.size is not None:
            self._check_space(state.size - have)
        with self.part.open("ab", buffering=0) as part, ProgressBar(self.file.name, state.size, of_bytes=True) as bar:
            bar.advance(have)
            try:
                for chunk in response.raw.stream(_CHUNK, decode_content=False):
                    if not part.tell() and not self.file.may_begin(chunk):
                        what = "a page of HTML" if is_page(chunk) else "a file"
                        raise _Rejected(f"gave {what} that begins with {chunk[:40]!r}, expected {self.file.kind}")
                    part.write(chunk)
                    bar.advance(len(chunk))
            except urllib3.exceptions.HTTPError as error:
                raise _Broken(f"broke off after {part.tell()} of {state.size or '?'} bytes: {_root(error)}") from error
            came = part.tell()
        if state.size is not None and came < state.size:
            raise _Broken(f"broke off after {came} of {state.size} bytes")

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise CollectionError(
                f"{self.file.name} needs {in_units(needed)} more, but {self.path.parent} has {in_units(free)} free. "
                "Make room and run this again: it resumes where it was."
            )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _total(response: Any) -> int | None:
    """The whole size that a `Content-Range` tells: `bytes 5-9/10` or `bytes */10`."""
    return _number(response.headers.get("Content-Range", "").rpartition("/")[2])


def _number(said: str) -> int | None:
    return int(said) if said.isdigit() else None


def _root(error: BaseException) -> str:
    """The innermost reason of an error of the network."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return str(getattr(error, "strerror", None) or error)
