"""Holds the standard rates of our tax tables to `eu-vat-rates-data` (PyPI) and to `sales-tax` (npm).

    python -B rates.py target/debug/examples/print_rates node_modules/sales-tax/res/sales_tax_rates.json

The former tells today's rates of Europe, from the Commission's database; the latter those of the world, and when they
changed. Each of their changes is looked at from both sides. Where our table says something else, the reason and its source
must stand in `EXPLAINED`. The exit code is 1 if one does not, if a reason explains nothing any more, or if nothing could
be compared.
"""

import json
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import eu_vat_rates_data

# Their moments of change are in some time zone; a day off either side is no difference.
MARGIN = timedelta(days=2)
# Who says otherwise, of which jurisdiction, the first and the last day, and why with the source. At the pinned versions all
# three agree.
EXPLAINED = []


def told_by_eu_vat_rates_data():
    """Rates as (who, jurisdiction, date, percent)."""
    on = date.fromisoformat(eu_vat_rates_data.data_version)
    for country, rate in eu_vat_rates_data.get_all_rates().items():
        yield "eu-vat-rates-data", "GR" if country == "EL" else country, on, Decimal(str(rate["standard"]))


def told_by_sales_tax(path):
    """Rates as (who, jurisdiction, date, percent), those of parts of Canada with the country's."""
    with open(path, encoding="utf-8") as file:
        countries = json.load(file)
    latest = date.fromisoformat(eu_vat_rates_data.data_version)
    for country, rates in countries.items():
        for on, percent in periods(rates, latest):
            yield "sales-tax", country, on, percent
        for part, part_rates in rates.get("states", {}).items():
            for on, percent in periods(part_rates, latest):
                yield "sales-tax", f"{country}-{part}", on, percent


def periods(rates, latest):
    """Days with the rate that is told for them: the day now, and one on each side of a change."""
    changes = sorted((date.fromisoformat(moment[:10]), before["rate"]) for moment, before in rates.get("before", {}).items())
    percents = [percent(rate) for _, rate in changes] + [percent(rates["rate"])]
    yield latest, percents[sum(day <= latest for day, _ in changes)]
    for place, (day, _) in enumerate(changes):
        yield day - MARGIN, percents[sum(other <= day - MARGIN for other, _ in changes)]
        yield day + MARGIN, percents[place + 1]


def percent(factor):
    return (Decimal(str(factor)) * 100).normalize()


def ours(program, dates):
    told = subprocess.run([program, *map(str, sorted(dates))], capture_output=True, text=True, check=True).stdout
    rates = {}
    for line in told.splitlines():
        jurisdiction, on, rate, relation = line.split()
        rates[jurisdiction, date.fromisoformat(on)] = (Decimal(rate), relation)
    return rates


def main():
    program, sales_tax = sys.argv[1:]
    told = list(told_by_eu_vat_rates_data()) + list(told_by_sales_tax(sales_tax))
    rates = ours(program, {on for _, _, on, _ in told})
    covered = {jurisdiction for jurisdiction, _ in rates}
    compared, used, failures = {}, set(), []
    for who, jurisdiction, on, theirs in told:
        if jurisdiction not in covered:
            continue
        rate, relation = rates.get((jurisdiction, on), (None, None))
        if rate is not None and relation == "replaces" and who == "sales-tax":
            # That package tells what a part has beyond its country's tax.
            rate -= rates[jurisdiction.split("-")[0], on][0]
        compared[who] = compared.get(who, 0) + 1
        if rate == theirs:
            continue
        reason = next((r for r in EXPLAINED if r[0] == who and r[1] == jurisdiction and r[2] <= str(on) <= r[3]), None)
        if reason is None:
            failures.append(f"{jurisdiction} on {on} is {theirs} for {who} and {rate} for us")
        else:
            used.add(reason)
    failures += [f"explains nothing: {reason}" for reason in EXPLAINED if reason not in used]
    failures += [f"nothing was compared to {who}" for who in ("eu-vat-rates-data", "sales-tax") if not compared.get(who)]
    for reason in EXPLAINED:
        print(f"explained {reason[1]}: {reason[4]}")
    for failure in failures:
        print(f"FAIL {failure}")
    print(f"compared {compared}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
