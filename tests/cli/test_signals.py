"""Interrupts are raised as usual, and recorded."""

import os
import signal

import pytest

from ingest.cli.signals import recorded_interrupts


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_each_one_is_raised_and_recorded():
    with recorded_interrupts() as heard:
        assert heard == []
        for count in (1, 2):
            with pytest.raises(KeyboardInterrupt):
                press()
            assert heard == [signal.SIGINT] * count


def test_it_leaves_the_block_and_the_handler_is_restored():
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
def test_a_process_started_with_interrupts_ignored_keeps_ignoring_them():
    with recorded_interrupts() as heard:
        press()
    assert heard == []
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
