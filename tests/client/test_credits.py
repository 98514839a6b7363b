from decimal import Decimal

import pytest
from support.billing import asked

from ingest.client.credits import credits_of, read_credits
from ingest.core.billing_records import CreditsSnapshot
from ingest.core.errors import UnexpectedInputError


def test_the_counters_are_exact_and_what_is_new_is_kept():
    told = asked(
        lambda path, _: (
            {"data": {"total_credits": 100, "total_usage": "25.75", "new": 1.5}} if path == "/credits" else 404
        ),
        credits_of,
    )
    assert told == CreditsSnapshot(Decimal(100), Decimal("25.75"), '{"new":1.5}')


def test_an_account_without_prepaid_credits_has_a_usage_all_the_same():
    assert read_credits({"total_usage": Decimal("3.5")}) == CreditsSnapshot(None, Decimal("3.5"), None)


@pytest.mark.parametrize("data", [None, [], {}, {"total_credits": 5}, {"total_usage": "much"}, 7])
def test_without_a_usage_it_is_not_understood(data):
    with pytest.raises(UnexpectedInputError):
        read_credits(data)
