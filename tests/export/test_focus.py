"""The FOCUS export: what the specification asks of each row, for whatever was settled; and the FinOps Foundation's own
validator over it, where that is installed (see .ci/run)."""

import csv
import json
import os
import random
import re
import subprocess
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.client.decode import decode_generation
from ingest.core.generation_id import second_of
from ingest.core.outcomes import Settled, WorkItem
from ingest.core.sightings import Chunk, Sighting
from ingest.export.export import export
from ingest.export.plan import ExportOptions
from ingest.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VIEW = "focus_cost_and_usage"
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT00:00:00Z")
INSTANTS = ("BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd")
NEVER_OPEN = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "ChargeCategory", "ChargeDescription"),
    *("ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName", "SkuId", "SkuMeter", "SkuPriceId"),
    *("ConsumedQuantity", "ConsumedUnit", *INSTANTS),
)

NAMES = (None, "", " ", "Acme", "acme/one", "/one", " /", "a/b/c", "unknown", "two words")
TOKENS = (None, 0, 7, 1200)
MONEY = (None, 0, 0.01, 6.02e-06, 0.123456789012, -0.004)
FIELDS = {
    **dict.fromkeys(("model", "provider_name", "external_user", "workspace_id"), NAMES),
    **dict.fromkeys(("usage", "upstream_inference_cost"), MONEY),
    **{f"native_tokens_{kind}": TOKENS for kind in ("prompt", "completion", "cached", "reasoning")},
    "is_byok": (None, False, True),
    "app_id": (None, 1, 2),
    "created_at": (None, "2025-12-31T23:59:59.5Z"),
    "response_cache_source_id": (None, None, None, "gen-1600000000-elsewhere00000000000"),
}


def drawn(seed):
    """A generation of anything, some without a day."""
    draw = random.Random(seed)
    data = {name: draw.choice(values) for name, values in FIELDS.items()}
    tail = "".join(draw.choices("abcdefghij", k=18)) + "zZ"
    second = draw.randrange(1_760_000_000, 1_790_000_000)
    generation_id = draw.choice([f"gen-{second}-{tail}", f"gen-{tail}00Aa"])
    body = json.dumps({"data": data | {"id": generation_id}}).encode()
    return Settled(WorkItem(generation_id, second_of(generation_id), "a.log", 0), decode_generation(body).data, NOW, 1)


def filled(path, settled):
    sightings = tuple(Sighting(s.item.generation_id, "a.log", 0) for s in settled)
    with Warehouse(path, NOW) as warehouse:
        warehouse.add(Chunk(sightings, (), ended=0, bytes_read=0), "run", NOW)
        warehouse.commit(settled, "run")
    return path


def rows_of(path, directory):
    """The rows of the CSV; an empty field is None, and empty text stays empty."""
    export(path, directory, [VIEW], ExportOptions("csv", None), NOW)
    with (directory / f"{VIEW}.csv").open(newline="", encoding="utf-8") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seeds=st.sets(st.integers(0, 2**32), min_size=1, max_size=80))
def test_rows_are_what_the_specification_asks_of_them(tmp_path_factory, monkeypatch, seeds):
    monkeypatch.setattr(os, "fsync", lambda _: None)
    directory = tmp_path_factory.mktemp("focus")
    settled = [drawn(seed) for seed in seeds]
    rows = rows_of(filled(directory / "w.duckdb", settled), directory / "out")
    tokens = Counter()
    for row in rows:
        assert not [name for name in NEVER_OPEN if not (row[name] or "").strip()], row
        assert all(INSTANT.fullmatch(row[name]) for name in INSTANTS), row
        assert not [name for name, value in row.items() if value and not value.strip()], row
        assert (row["SubAccountId"] is None) == (row["SubAccountName"] is None)
        if row["InvoiceIssuerName"] != "OpenRouter":
            assert (Decimal(row["BilledCost"]), row["BillingAccountId"]) == (0, f"byok/{row['InvoiceIssuerName']}")
        if row["x_Charge"] == "byok fee":
            assert (row["PricingUnit"], row["x_InputTokens"]) == ("Requests", None)
        else:
            assert float(row["PricingQuantity"]) == int(row["x_InputTokens"]) + int(row["x_OutputTokens"])
            tokens += Counter({kind: int(row[f"x_{kind}Tokens"]) for kind in ("Input", "Output")})
    generations = [s.generation for s in settled]
    assert sum(Decimal(r["BilledCost"]) for r in rows) == sum(g.usage or 0 for g in generations)
    own = sum((g.upstream_inference_cost or 0) for g in generations if g.is_byok)
    assert sum(Decimal(r["EffectiveCost"]) for r in rows) == sum(g.usage or 0 for g in generations) + own
    assert (tokens["Input"], tokens["Output"]) == (
        sum(g.native_tokens_prompt or 0 for g in generations),
        sum(g.native_tokens_completion or 0 for g in generations),
    )


def test_rows_are_written_in_the_order_of_their_keys(tmp_path):
    path = filled(tmp_path / "w.duckdb", [drawn(seed) for seed in range(300)])
    rows = rows_of(path, tmp_path / "out")
    keys = [(r["ChargePeriodStart"], r["x_Charge"], r["SkuId"]) for r in rows]
    assert keys == sorted(keys)
    assert len(rows) > 250


# The validator of the FinOps Foundation

VALIDATOR = os.environ.get("ORUSAGE_FOCUS_VALIDATOR", "")
"""Its command. It needs Python 3.12 or later and versions of numpy and pandas that are older than ours."""

SUPPORTED = (
    "ACCOUNT_NAMING_SUPPORTED",
    "USAGE_MEASUREMENT_SUPPORTED",
    "UNIT_PRICING_SUPPORTED",
    "SUB_ACCOUNT_SUPPORTED",
    "TAGGING_SUPPORTED",
)
"""The features whose rules hold. OpenRouter tells no list prices, regions, commitments and reservations."""

EITHER_OR = {"InvoiceId-C-005-C"}
"""InvoiceId is NULL without an invoice, by InvoiceId-C-004-C, and is not with one: each row meets one of the two."""


def failures(file):
    """The rules that a file does not meet, with what the validator says, and how many rules it meets."""
    command = Path(VALIDATOR)
    [packages] = command.parent.parent.glob("lib/python*/site-packages")  # it reads currency codes from there
    arguments = ("--data-file", file, "--validate-version", "1.2.0.1", "--block-download")
    said = subprocess.run(
        [command, *arguments, "--applicability-criteria", ",".join(SUPPORTED)],
        cwd=packages, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    [passed] = re.findall(r"\| Pass: (\d+) \|", said)
    return dict(re.findall(r"(\S+): FAIL +\(.*?msg=(.*)\)", said)), int(passed)


@pytest.mark.skipif(not VALIDATOR, reason="ORUSAGE_FOCUS_VALIDATOR names no focus-validator")
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_validator_of_the_finops_foundation_finds_nothing(simulated_warehouse, tmp_path, form):
    codec = "snappy" if form == "parquet" else None
    for path in (simulated_warehouse, filled(tmp_path / "w.duckdb", [drawn(seed) for seed in range(300)])):
        export(path, tmp_path / path.stem, [VIEW], ExportOptions(form, codec), NOW)
        failed, passed = failures(tmp_path / path.stem / f"{VIEW}.{form}")
        assert failed.keys() == EITHER_OR, failed
        assert passed > 190


@pytest.mark.skipif(not VALIDATOR, reason="ORUSAGE_FOCUS_VALIDATOR names no focus-validator")
def test_the_validator_sees_what_is_wrong(simulated_warehouse, tmp_path):
    """Else it could say nothing because it checks nothing."""
    export(simulated_warehouse, tmp_path / "out", [VIEW], ExportOptions("csv", None), NOW)
    file = tmp_path / "out" / f"{VIEW}.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(",Usage,", ",usage,").replace(",USD,", ",usd,"), encoding="utf-8")
    failed, _ = failures(file)
    assert {name.split("-")[0] for name in failed} >= {"BillingCurrency", "ChargeCategory"}
