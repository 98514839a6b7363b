"""Interrupts are raised as ever, and noted."""

import os
import signal

import pytest

from ingest.cli.signals import recorded_interrupts


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_each_one_is_raised_and_noted():
    with recorded_interrupts() as heard:
        assert heard == []
        for count in (1, 2):
            with pytest.raises(KeyboardInterrupt):
                press()
            assert heard == [signal.SIGINT] * count


def test_it_comes_out_and_everything_is_as_before():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), recorded_interrupts():
        press()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ignored")
def test_who_was_started_deaf_stays_deaf():
    with recorded_interrupts() as heard:
        press()
    assert heard == []
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
