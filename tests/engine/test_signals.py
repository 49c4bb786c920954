"""Requests to stop: the first is noted, a second Ctrl-C ends at once, and what was before comes back."""

import signal
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unreel.engine.signals import SIGNALS, Interrupted, shielded, signals_end, stop_requests


def _handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@given(st.lists(st.sampled_from(SIGNALS)))
def test_the_first_is_noted_and_a_second_interrupt_raises(sent: list[signal.Signals]) -> None:
    before, got = _handlers(), 0
    with stop_requests() as stop:
        assert stop.requested is None
        try:
            for number in sent:
                got += 1
                signal.raise_signal(number)
                assert stop.requested is sent[0]
        except KeyboardInterrupt:
            assert sent[:got].count(signal.SIGINT) == 2
            assert sent[got - 1] is signal.SIGINT
        else:
            assert sent.count(signal.SIGINT) < 2
            assert stop.requested is (sent[0] if sent else None)
    assert _handlers() == before


def test_handlers_come_back_after_an_error_and_from_within_another_block() -> None:
    before = _handlers()
    with stop_requests() as outer:
        within = _handlers()
        assert not set(within) & set(before)
        with pytest.raises(ZeroDivisionError), stop_requests() as inner:
            signal.raise_signal(signal.SIGTERM)
            raise ZeroDivisionError
        assert _handlers() == within
        assert (outer.requested, inner.requested) == (None, signal.SIGTERM)
    assert _handlers() == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with stop_requests() as stop:
            signal.raise_signal(signal.SIGUSR1)
            assert stop.requested is None
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_another_thread_changes_no_handler() -> None:
    before, seen = _handlers(), []

    def work() -> None:
        with stop_requests() as stop:
            seen.extend([_handlers(), stop.requested])

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before, None]
    assert _handlers() == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_work_once_and_what_is_shielded_before(number: signal.Signals) -> None:
    before, done = _handlers(), []
    with pytest.raises(Interrupted) as caught, signals_end():
        try:
            signal.raise_signal(number)
            done.append("more work")
        finally:
            signal.raise_signal(number)  # as `timeout` sends it twice
            done.append("put in order")
    assert (caught.value.signal, done) == (number, ["put in order"])
    with pytest.raises(Interrupted), signals_end():
        with shielded(), shielded():
            signal.raise_signal(number)
            done.append("moved")
        done.append("more work")
    assert done == ["put in order", "moved"]
    assert _handlers() == before
