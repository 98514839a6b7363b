import re

import pytest

from ingest.core import errors
from ingest.core.errors import Exit, InterruptedRunError, OrusageError

CONTRACT = {
    "DONE": 0,
    "UNEXPECTED": 1,
    "USAGE": 2,
    "PARTIAL": 3,
    "UNEXPECTED_INPUT": 65,
    "NO_INPUT": 66,
    "UNREACHABLE": 69,
    "CANNOT_CREATE": 73,
    "STORAGE": 74,
    "TRY_AGAIN_LATER": 75,
    "KEY_REFUSED": 77,
    "CONFIGURATION": 78,
    "INTERRUPTED": 130,
    "TERMINATED": 143,
}
CODES = {
    "UsageError": 2,
    "UnexpectedInputError": 65,
    "NoInputError": 66,
    "UnreachableError": 69,
    "CannotCreateError": 73,
    "StorageError": 74,
    "TryAgainLaterError": 75,
    "KeyRefusedError": 77,
    "ConfigurationError": 78,
}

OTHERS = {"LibraryFailedError": 1, "InterruptedRunError": 130}
"""Those that are made of something else than three lines."""


def test_the_exit_codes_are_those_of_the_contract():
    assert {e.name: e.value for e in Exit} == CONTRACT


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_every_error_has_its_exit_code_and_three_lines(name, code):
    error = getattr(errors, name)("it broke", cause="a cable", fix="another cable")
    assert isinstance(error, OrusageError)
    assert int(error.code) == code
    assert str(error) == "it broke\n  cause: a cable\n  fix:   another cable"
    assert error.args == ("it broke",)


def test_an_error_of_no_kind_is_unexpected():
    assert OrusageError("a", cause="b", fix="c").code is Exit.UNEXPECTED


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_a_signal_ends_with_the_code_a_shell_gives_it(number, code):
    error = InterruptedRunError(number)
    assert int(error.code) == code
    assert f"signal {number}" in str(error)


def test_no_error_is_without_a_test():
    assert {e.__name__ for e in OrusageError.__subclasses__()} == {*CODES, *OTHERS}


def test_the_tree_in_the_docstring_is_the_real_one():
    drawn = {name: int(code) for name, code in re.findall(r"(\w+Error) +(\d+) ", errors.__doc__)}
    assert drawn == CODES | {"OrusageError": 1} | OTHERS
