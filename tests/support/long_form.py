"""Tests that have a long form, which runs with `pytest -m long` only."""

from __future__ import annotations

from inspect import signature

import pytest
from hypothesis import settings


def long(*values):
    """A parameter of the long form only: `pytest -m long`."""
    return pytest.param(*values, marks=pytest.mark.long)


def in_two_forms(*decorators, short: int, long_form: int):
    """A property of Hypothesis, given by these decorators, with so many examples, and with more in the long form."""

    def decorate(function):
        @pytest.mark.parametrize("examples", [short, long(long_form)])
        def proof(examples, tmp_path_factory):
            test = function
            for decorator in reversed(decorators):
                test = decorator(test)
            wants_folders = "tmp_path_factory" in signature(function).parameters
            settings(max_examples=examples)(test)(**{"tmp_path_factory": tmp_path_factory} if wants_folders else {})

        proof.__name__ = proof.__qualname__ = function.__name__
        proof.__module__ = function.__module__
        return proof

    return decorate
