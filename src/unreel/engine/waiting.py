"""Waiting for others: it says for what, and ends when this process is asked to stop."""

from time import monotonic, sleep
from typing import final

from unreel.console import complain
from unreel.engine.signals import asked_for
from unreel.errors import Stopped

SILENCE = 60.0
"""Seconds after which a wait says for the first time what it is for."""
REMINDER = 300.0
"""Seconds from one time to the next."""
GRACE = 3.0
"""Seconds after a request to stop in which what is waited for may still come."""


@final
class Wait:
    """A wait that looks again and again whether it is over; `what` may say more of it as time goes by.

    `silence`: seconds until it says for the first time what it waits for; `grace`: those after a request to stop in
    which it may still be over.
    """

    def __init__(self, what: str, silence: float = SILENCE, grace: float = GRACE) -> None:
        self.what, self._grace = what, grace
        self._begun = monotonic()
        self._told = self._begun + silence - REMINDER

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return monotonic() - self._begun

    def look(self, pause: float = 0.0) -> None:
        """Say what is waited for, where it is time to, and pause for some seconds.

        Raises:
            Stopped: this process was asked to stop (see `stop_requests`).
        """
        if monotonic() - self._told >= REMINDER:
            self._told = monotonic()
            since = f" ({self.seconds / 60:.0f} min so far)" if self.seconds >= SILENCE else ""
            complain(f"waiting for {self.what}{since}")
        stop = asked_for()
        if stop is not None and stop.since is not None and monotonic() - stop.since > self._grace:
            assert stop.requested is not None
            raise Stopped(f"stopped by {stop.requested.name} while waiting for {self.what}")
        sleep(pause)
