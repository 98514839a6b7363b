"""The rates file, and the loaded costs that its rates make."""

import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.warehouses import IDS, NOW, chunk, schema_in_memory, settled

from ingest.core.errors import NoInputError, UnexpectedInputError
from ingest.warehouse.rates import Line, Rate, RatesFile, read_rates
from ingest.warehouse.warehouse import Warehouse

HEAD = "from_date,currency,rate,purchase_fee,tax,markup\n"
EURO = Rate("EUR", date(2020, 1, 1), Decimal("0.92"), Decimal("0.055"), Decimal("0.19"), Decimal(0))


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "2020-01-01,EUR,0.92,0.055,0.19,0\n",
        HEAD + "\n 2020-01-01 , EUR ,0.920, 0.055,0.19000,0.0\n\n",
        "\ufeff" + HEAD.replace("\n", "\r\n") + "2020-01-01,EUR,0.92,0.055,0.19,0\r\n",
        "currency;tax;from_date;rate;purchase_fee\nEUR;0.19;2020-01-01;0.92;0.055\n",
        "from_date\tcurrency\trate\tpurchase_fee\ttax\tuntil_date\n2020-01-01\tEUR\t0.92\t0.055\t0.19\t\n",
        f'{HEAD}"2020-01-01","EUR","0.92","0.055","0.19","0"',
    ],
)
def test_a_file_may_have_its_columns_in_any_order_and_any_usual_separator(tmp_path, text):
    (tmp_path / "rates.csv").write_bytes(text.encode())
    assert read_rates(tmp_path / "rates.csv").rates == [EURO]


def test_rates_are_in_order_whatever_the_order_of_lines(tmp_path):
    (tmp_path / "r.csv").write_text(
        "from_date,currency,rate,until_date\n2026-02-01,EUR,0.9,\n2020-01-01,USD,1,\n2020-01-01,EUR,0.8,2026-02-01\n"
    )
    found = [(r.currency, f"{r.from_day}", f"{r.rate}") for r in read_rates(tmp_path / "r.csv").rates]
    assert found == [("EUR", "2020-01-01", "0.8"), ("EUR", "2026-02-01", "0.9"), ("USD", "2020-01-01", "1")]


UNTIL = "from_date,currency,rate,until_date\n"
NO_NUMBERS = ("1e3", "nan", "inf", "0x1", "1_0", ".5", "$1", "٣")
NO_DATES = ("2020-02-30", "01.02.2020", "20200101", "2020-W01-1", "")
BAD = {
    f"{HEAD}2020-01-01,EUR,0,92,0,0,0": (2, "7 cells"),
    "from_date;currency;rate\n2020-01-01;EUR;0,92": (2, "'0,92', which is no number"),
    f"{HEAD}2020-01-01,EUR,0.9,5.5,0,0": (2, "purchase_fee is 5.5"),
    f"{HEAD}2020-01-01,EUR,0.9,0,19,0": (2, "tax is 19"),
    f"{HEAD}2020-01-01,EUR,0.9,0,0,11": (2, "markup is 11"),
    f"{HEAD}2020-01-01,EUR,0.9,-0.01,0,0": (2, "negative"),
    f"{HEAD}2020-01-01,EUR,-0.9,0,0,0": (2, "negative"),
    f"{HEAD}2020-01-01,EUR,0,0,0,0": (2, "must be above 0"),
    f"{HEAD}2020-01-01,EUR,1000000,0,0,0": (2, "below 1,000,000"),
    f"{HEAD}2020-01-01,EUR,0.9,0,0.1234567,0": (2, "more than 5 decimal places"),
    f"{HEAD}2020-01-01,EUR,0.91234567891,0,0,0": (2, "more than 9 decimal places"),
    f"{HEAD}2020-01-01,EUR,,0,0,0": (2, "the rate is empty"),
    f"{HEAD}2020-01-01,EUR,0.9,,0,0": (2, "the purchase_fee is empty"),
    **{f"{HEAD}2020-01-01,EUR,{rate},0,0,0": (2, "no number") for rate in NO_NUMBERS},
    f"{HEAD}2020-01-01,USD,0.9,0,0,0": (2, "rate of USD is 0.9"),
    **{f"{HEAD}2020-01-01,{name},0.9,0,0,0": (2, "no currency") for name in ("eur", "", "EURO", "€", "E R")},
    **{f"{HEAD}{day},EUR,0.9,0,0,0": (2, "no date") for day in NO_DATES},
    f"{HEAD}2020-01-01,EUR,0.9,0,0,0\n\n2020-01-01,EUR,0.9,0,0,0": (4, "line 2 has a rate of EUR for 2020-01-01"),
    f"{UNTIL}2020-01-01,EUR,1,2020-02-01\n2020-03-01,EUR,1,": (2, "no rate from 2020-02-01 to 2020-03-01"),
    f"{UNTIL}2020-01-01,EUR,1,2020-04-01\n2020-03-01,EUR,1,": (2, "two rates from 2020-03-01 to 2020-04-01"),
    f"{UNTIL}2020-01-01,USD,1,\n2020-01-01,EUR,1,2020-02-01": (3, "no rate from 2020-02-01 on"),
    f"{UNTIL}2020-01-01,EUR,1,2020-01-01": (2, "before it begins"),
    "from,currency,rate\n": (1, "a column 'from'"),
    "from_date|currency|rate\n": (1, "a column"),
    "from_date,currency,rate,rate\n": (1, "column rate twice"),
    "from_date,rate\n": (1, "does not name the column currency"),
    "": (1, "does not name the column"),
    f'{HEAD}2020-01-01,"EUR,0.9,0,0,0': (2, "it is no CSV"),
}  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_a_line_that_cannot_be_used_is_named(tmp_path, text):
    number, cause = BAD[text]
    (tmp_path / "rates.csv").write_text(text)
    with pytest.raises(UnexpectedInputError) as raised:
        read_rates(tmp_path / "rates.csv")
    assert raised.value.what == f"line {number} of {tmp_path / 'rates.csv'} cannot be used"
    assert cause in raised.value.cause


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named_with_its_line(tmp_path, encoding):
    (tmp_path / "rates.csv").write_bytes(f"{HEAD}2020-01-01,€UR,1,0,0,0".replace("€", "é").encode(encoding))
    with pytest.raises(UnexpectedInputError) as raised:
        read_rates(tmp_path / "rates.csv")
    assert raised.value.cause == "it is not UTF-8"
    assert raised.value.what.startswith("line ")


def test_a_missing_file_and_one_without_a_rate(tmp_path):
    with pytest.raises(NoInputError, match="cannot be read"):
        read_rates(tmp_path / "rates.csv")
    (tmp_path / "rates.csv").write_text(HEAD)
    with pytest.raises(UnexpectedInputError, match="has no rate"):
        read_rates(tmp_path / "rates.csv")


def file_of(*rates):
    return RatesFile("rates.csv", tuple(Line(number, rate, None) for number, rate in enumerate(rates, start=2)))


def test_rates_replace_all_others_or_none(tmp_path):
    later = Rate("GBP", date(2026, 9, 26), Decimal("0.78"), *[Decimal(0)] * 3)
    with Warehouse(tmp_path / "w.duckdb", NOW) as warehouse:
        assert warehouse.replace_rates(file_of(EURO, later))
        assert not warehouse.replace_rates(file_of(EURO, later)), "the same are no news"
        assert warehouse.replace_rates(file_of(EURO))
        warehouse.add(chunk(IDS[:1]), "run", NOW)
        warehouse.commit([settled(IDS[0])], "run")
        warehouse.publish()
        [(first_day,)] = warehouse._rows("rates/first_spend")
        before = Rate("GBP", first_day + timedelta(days=1), Decimal("0.78"), *[Decimal(0)] * 3)
        with pytest.raises(UnexpectedInputError) as raised:
            warehouse.replace_rates(file_of(EURO, before))
        assert raised.value.what == "line 3 of rates.csv cannot be used"
        assert f"spend from {first_day} on" in raised.value.cause
        assert [row[0] for row in warehouse._rows("rates/all")] == ["EUR"]
        assert warehouse.replace_rates(file_of(EURO, Rate("GBP", first_day, *[Decimal(1)] * 4)))


@pytest.fixture(scope="module")
def memory():
    with schema_in_memory() as connection:
        yield connection


FIRST = date(2026, 1, 1)


def test_a_table_computed_by_hand(memory):
    """100 USD of credits and 10 USD of BYOK inference on each of two days, before and after a rise.

    2026-01-01: (100 * 1.055 + 10) * 1.19 * 0.92       = 115.5  * 1.0948   = 126.4494
    2026-01-02: (100 * 1.05  + 10) * 1.19 * 1.1 * 0.9  = 115    * 1.1781   = 135.4815
    """
    fill(memory, [(FIRST, "m", "100", "10"), (FIRST + timedelta(1), "m", "100", "10")])
    memory.execute(
        "INSERT INTO ops.rates VALUES ('EUR', DATE '2025-01-01', 0.92, 0.055, 0.19, 0), "
        "('EUR', DATE '2026-01-02', 0.9, 0.05, 0.19, 0.1)"
    )
    daily = "SELECT loaded_cost FROM loaded_cost_daily ORDER BY requested_day"
    assert memory.execute(daily).fetchall() == [(Decimal("126.4494"),), (Decimal("135.4815"),)]
    assert memory.execute("SELECT loaded_cost FROM loaded_cost_by_model").fetchall() == [(Decimal("261.9309"),)]


def fill(memory, cells):
    memory.execute("DELETE FROM ops.cost_rollup")
    memory.execute("DELETE FROM ops.rates")
    memory.executemany(
        "INSERT INTO ops.cost_rollup BY NAME SELECT $1 AS requested_day, $2 AS model, 1 AS request_count, "
        "$3::DECIMAL(28,12) + $4::DECIMAL(28,12) AS total_usage, $3::DECIMAL(28,12) AS credits_usage, "
        "$4::DECIMAL(28,12) AS byok_usage",
        cells,
    )


def drawn_number(draw, highest, places):
    """A number of few or of all places, near one of its ends as often as not."""
    digits = draw.choice((0, 1, places, places))
    value = draw.choice((draw.random(), draw.random() / 1000, 1 - draw.random() / 1000)) * highest
    return Decimal(round(value * 10**digits)).scaleb(-digits)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), days=st.integers(1, 4))
def test_loaded_costs_are_exact_and_rounded_once(memory, seed, days):
    draw = random.Random(seed)
    amounts = [draw.choice((drawn_number(draw, 10**6, 12), -drawn_number(draw, 1, 12))) for _ in range(4 * days)]
    pairs = zip(amounts[::2], amounts[1::2], strict=True)
    cells = [(FIRST + timedelta(n % days), draw.choice("ab"), f"{c}", f"{b}") for n, (c, b) in enumerate(pairs)]
    fill(memory, cells)
    starts = sorted(draw.sample(range(-2, days), draw.randint(1, min(3, days))))
    rates = [
        (FIRST + timedelta(n), *(drawn_number(draw, high, p) for high, p in ((999_998, 9), (1, 5), (1, 5), (10, 5))))
        for n in starts
    ]
    rates = [(day, max(rate, Decimal("1e-9")), *shares) for day, rate, *shares in rates]
    memory.executemany(
        "INSERT INTO ops.rates VALUES ('EUR', $1, $2, $3, $4, $5)", [(d, *map(str, r)) for d, *r in rates]
    )
    for view, key in (("loaded_cost_daily", 0), ("loaded_cost_by_model", 1)):
        expected = {}
        for cell in cells:
            begun = [rate for rate in rates if rate[0] <= cell[0]]
            exact = expected.setdefault(cell[key], [])
            if begun:
                rate, fee, tax, markup = map(Fraction, max(begun)[1:])
                exact.append((Fraction(cell[2]) * (1 + fee) + Fraction(cell[3])) * (1 + tax) * (1 + markup) * rate)
        rounded = {k: floor(sum(e) * 10**12 + Fraction(1, 2)) if e else None for k, e in expected.items()}
        rows = memory.execute(f"SELECT * FROM {view}").fetchall()
        assert {row[0]: row[-1] and int(row[-1].scaleb(12)) for row in rows} == rounded
