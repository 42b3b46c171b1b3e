"""Tax calculations."""

import time
from typing import Any

from bench import DAY, Bench, check, equal, expect, invalid, missing

SWEDEN: Any = {"address": {"country": "SE", "postal_code": "111 22"}, "address_source": "billing"}


def germany(**more: Any) -> Any:
    return {"address": {"country": "DE"}, "address_source": "billing", **more}


@check("a tax calculation adds up, and is read again with its lines")
def _(bench: Bench) -> None:
    calculations = bench.v1.tax.calculations
    made = calculations.create(
        {
            "currency": "sek",
            "line_items": [
                {"amount": 10_000, "reference": "hosting", "tax_code": "txcd_10101000", "quantity": 2},
                {"amount": 12_500, "reference": "book", "tax_behavior": "inclusive", "metadata": {"shelf": "3"}},
            ],
            "shipping_cost": {"amount": 400},
            "customer_details": SWEDEN,
            "expand": ["line_items", "line_items.data.tax_breakdown"],
        }
    )
    told = (made.object, made.amount_total, made.tax_amount_exclusive, made.tax_amount_inclusive)
    equal(told, ("tax.calculation", 25_500, 2_600, 2_500), "the calculation")
    details = made.customer_details
    equal((details.address.country, details.address_source, details.tax_ids), ("SE", "billing", []), "the customer")
    equal((made.shipping_cost.amount_tax, made.ship_from_details), (100, None), "shipping")
    lines = made.line_items.data
    told = [(line.object, line.reference, line.amount_tax, line.tax_behavior, line.quantity) for line in lines]
    kind = "tax.calculation_line_item"
    equal(told, [(kind, "hosting", 2_500, "exclusive", 2), (kind, "book", 2_500, "inclusive", 1)], "the lines")
    part = lines[1].tax_breakdown[0]
    told = (part.amount, part.taxable_amount, part.jurisdiction.country, part.tax_rate_details.percentage_decimal)
    equal((*told, part.taxability_reason), (2_500, 10_000, "SE", "25.0", "standard_rated"), "the tax of a line")
    equal([part.amount for part in made.tax_breakdown], [2_600, 2_500], "the tax of the whole")
    read = calculations.retrieve(made.id, {"expand": ["line_items"]})
    equal(read.amount_total, made.amount_total, "the calculation read")
    expect("tax_breakdown" not in read.line_items.data[0], "the tax of a line is told unasked")
    expect("line_items" not in calculations.retrieve(made.id), "the lines are told unasked")
    page = calculations.line_items.list(made.id, {"limit": 1, "expand": ["data.tax_breakdown"]})
    equal((page.data[0].to_dict(), page.has_more), (lines[0].to_dict(), True), "the first page")
    rest = calculations.line_items.list(made.id, {"starting_after": page.data[0].id})
    equal(([line.id for line in rest.data], rest.has_more), ([lines[1].id], False), "the second page")


@check("a business elsewhere in the EU, an exempt customer and one abroad are not taxed")
def _(bench: Bench) -> None:
    line: Any = {"amount": 10_000, "reference": "hosting"}
    vat_id: Any = [{"type": "eu_vat", "value": "DE136695976"}]
    for details, tax, reason in (
        (germany(), 1_900, "standard_rated"),
        (germany(tax_ids=vat_id), 0, "reverse_charge"),
        (germany(taxability_override="customer_exempt"), 0, "customer_exempt"),
        (germany(taxability_override="reverse_charge"), 0, "reverse_charge"),
        ({"address": {"country": "NO"}, "address_source": "billing"}, 0, "not_collecting"),
    ):
        made = bench.v1.tax.calculations.create(
            {"currency": "eur", "line_items": [line], "customer_details": details}
        )
        told = (made.tax_amount_exclusive, made.tax_breakdown[0].taxability_reason)
        equal(told, (tax, reason), "the tax")


@check("a tax calculation that does not fit is refused")
def _(bench: Bench) -> None:
    def create(**more: Any) -> None:
        params: Any = {"currency": "sek", "line_items": [{"amount": 1_000}], "customer_details": SWEDEN}
        bench.v1.tax.calculations.create({**params, **more})

    with invalid("line_items[0][amount]", "parameter_missing"):
        create(line_items=[{"reference": "a"}])
    with missing("line_items[0][tax_code]"):
        create(line_items=[{"amount": 1, "tax_code": "ebook"}])
    america = {"address": {"country": "US", "state": "CA"}, "address_source": "billing"}
    with invalid("customer_details[address]", "customer_tax_location_invalid"):
        create(customer_details=america)
    with invalid("customer_details[tax_ids][0][value]", "tax_id_invalid"):
        create(customer_details=germany(tax_ids=[{"type": "eu_vat", "value": "1"}]))
    with invalid("tax_date"):
        create(tax_date=int(time.time()) - 4 * DAY)
    with missing():
        bench.v1.tax.calculations.retrieve("taxcalc_none")
