"""What is sold, and to whom: products, prices and customers."""

from typing import Any

import stripe

from bench import Bench, check, equal, expect, ids, invalid, refused


@check("a product is created, read, updated, listed and deleted")
def _(bench: Bench) -> None:
    products = bench.v1.products
    made = products.create({"name": "Grinder", "description": "By hand", "metadata": {"shelf": "3"}})
    equal((made.name, made.active, made.metadata.to_dict()), ("Grinder", True, {"shelf": "3"}), "the product")
    equal(products.retrieve(made.id).to_dict(), made.to_dict(), "the product read")
    changed = products.update(made.id, {"name": "Hand grinder", "description": "", "active": False})
    equal((changed.name, changed.description, changed.active), ("Hand grinder", None, False), "the product updated")
    equal([product.id for product in products.list({"ids": [made.id]}).data], [made.id], "products listed")
    equal(products.delete(made.id).deleted, True, "deleted")
    with refused(stripe.InvalidRequestError, 404, "resource_missing"):
        products.retrieve(made.id)


@check("a product takes an id of one's own, once")
def _(bench: Bench) -> None:
    bench.v1.products.create({"id": "kettle", "name": "Kettle"})
    with refused(stripe.InvalidRequestError, 400, "resource_already_exists"):
        bench.v1.products.create({"id": "kettle", "name": "Kettle"})
    bench.v1.products.delete("kettle")
    bench.v1.products.create({"id": "kettle", "name": "Kettle"})
    equal(len(bench.v1.products.list({"ids": ["kettle"]}).data), 1, "products listed")


@check("a price is created, read, updated, archived and listed")
def _(bench: Bench) -> None:
    prices = bench.v1.prices
    made = prices.create({"product": "kettle", "currency": "eur", "unit_amount": 4_900, "lookup_key": "kettle-eur"})
    told = (made.product, made.currency, made.unit_amount, made.unit_amount_decimal, made.type, made.active)
    equal(told, ("kettle", "eur", 4_900, 4_900, "one_time", True), "the price")
    equal(prices.retrieve(made.id).to_dict(), made.to_dict(), "the price read")
    changed = prices.update(made.id, {"nickname": "spring", "metadata": {"season": "spring"}, "active": False})
    told = (changed.nickname, changed.metadata.to_dict(), changed.active)
    equal(told, ("spring", {"season": "spring"}, False), "the price updated")
    equal([price.id for price in prices.list({"product": "kettle"}).data], [made.id], "by product")
    equal([price.id for price in prices.list({"lookup_keys": ["kettle-eur"]}).data], [made.id], "by lookup key")
    equal(prices.retrieve(made.id, {"expand": ["product"]}).product.name, "Kettle", "the product expanded")


@check("an archived price is refused in a link, and a priced product can't be deleted")
def _(bench: Bench) -> None:
    (price,) = bench.v1.prices.list({"product": "kettle"}).data
    with refused(stripe.InvalidRequestError, 400, param="line_items[0][price]"):
        bench.v1.payment_links.create({"line_items": [{"price": price.id, "quantity": 1}]})
    with refused(stripe.InvalidRequestError, 400, says="user-created prices"):
        bench.v1.products.delete("kettle")


@check("a price of fractions of the smallest unit is kept exactly")
def _(bench: Bench) -> None:
    price = bench.v1.prices.create({"product": "kettle", "currency": "eur", "unit_amount_decimal": "12.345"})
    equal((price.unit_amount, str(price.unit_amount_decimal)), (None, "12.345"), "the price")


@check("a customer is created, read, updated and listed")
def _(bench: Bench) -> None:
    customers = bench.v1.customers
    address = {"line1": "Storgatan 1", "city": "Umeå", "country": "SE"}
    made = customers.create({"email": "ada@shop.example", "name": "Ada", "address": address})
    told = (made.email, made.name, made.address.city)
    equal(told, ("ada@shop.example", "Ada", "Umeå"), "the customer")
    equal(customers.retrieve(made.id).to_dict(), made.to_dict(), "the customer read")
    equal(customers.update(made.id, {"name": "Ada L."}).name, "Ada L.", "the name")
    equal([c.id for c in customers.list({"email": "ada@shop.example"}).data], [made.id], "customers listed")
    bench.made["customer"] = made


@check("a customer is deleted, and still told as deleted")
def _(bench: Bench) -> None:
    customers = bench.v1.customers
    made = customers.create({"email": "gone@shop.example"})
    equal(customers.delete(made.id).deleted, True, "deleted")
    equal(customers.retrieve(made.id).to_dict().get("deleted"), True, "told as deleted")
    equal(customers.list({"email": "gone@shop.example"}).data, [], "customers listed")
    with refused(stripe.InvalidRequestError, 404, "resource_missing"):
        customers.update(made.id, {"name": "Nobody"})


@check("a price of tiers is kept, and its tiers are told when asked for")
def _(bench: Bench) -> None:
    prices = bench.v1.prices
    tiers: Any = [
        {"up_to": 10, "unit_amount": 5_000},
        {"up_to": "inf", "unit_amount_decimal": "4500.5", "flat_amount": 900},
    ]
    for mode in ("graduated", "volume"):
        params: Any = {"product": "kettle", "currency": "sek", "billing_scheme": "tiered", "tiers_mode": mode}
        made = prices.create({**params, "tiers": tiers})
        told = (made.billing_scheme, made.tiers_mode, made.unit_amount, made.unit_amount_decimal)
        equal(told, ("tiered", mode, None, None), "the price")
        expect("tiers" not in made, "tiers are told unasked")
        first, last = prices.retrieve(made.id, {"expand": ["tiers"]}).tiers
        equal((first.up_to, first.unit_amount, first.flat_amount), (10, 5_000, None), "the first tier")
        told = (last.up_to, last.unit_amount, str(last.unit_amount_decimal), last.flat_amount)
        equal(told, (None, None, "4500.5", 900), "the last tier")
        bench.made[mode] = made
    with invalid("tiers_mode", "parameter_missing"):
        prices.create({"product": "kettle", "currency": "sek", "billing_scheme": "tiered", "tiers": tiers})
    with invalid("tiers[1][up_to]"):
        closed: Any = [tiers[0], {"up_to": 20, "unit_amount": 1}]
        prices.create({**params, "tiers": closed})


@check("tiers are priced by step, or all by the tier that is reached")
def _(bench: Bench) -> None:
    for mode, total in (("graduated", 10 * 5_000 + 900 + 2 * 4_500 + 1), ("volume", 900 + 12 * 4_500 + 6)):
        lines: Any = [{"price": bench.get(mode).id, "quantity": 12}]
        link = bench.v1.payment_links.create({"line_items": lines, "expand": ["line_items"]})
        equal(link.line_items.data[0].amount_total, total, mode)


@check("a price of packages is rounded as it says")
def _(bench: Bench) -> None:
    for rounding, total in (("up", 3_000), ("down", 2_000)):
        package: Any = {"divide_by": 5, "round": rounding}
        params: Any = {"product": "kettle", "currency": "sek", "unit_amount": 1_000, "transform_quantity": package}
        price = bench.v1.prices.create(params)
        equal(price.transform_quantity.to_dict(), package, "the package")
        lines: Any = [{"price": price.id, "quantity": 11}]
        link = bench.v1.payment_links.create({"line_items": lines, "expand": ["line_items"]})
        equal(link.line_items.data[0].amount_total, total, f"11 in packages of 5, rounded {rounding}")


@check("a price that the customer chooses is held to its bounds")
def _(bench: Bench) -> None:
    custom: Any = {"enabled": True, "minimum": 2_000, "maximum": 9_000, "preset": 5_000}
    price = bench.v1.prices.create({"product": "kettle", "currency": "sek", "custom_unit_amount": custom})
    chosen = price.custom_unit_amount
    equal((chosen.minimum, chosen.maximum, chosen.preset, price.unit_amount), (2_000, 9_000, 5_000, None), "the price")
    link = bench.v1.payment_links.create({"line_items": [{"price": price.id, "quantity": 1}]})
    status, answer = bench.pay(link.url, custom_amount=1_999)
    field_error = {"field": "custom_amount", "kind": "too_small", "limit": 2_000}
    equal((status, answer.get("fields")), (422, [field_error]), "less than the minimum")
    equal(bench.pay(link.url, custom_amount=9_001)[0], 422, "more than the maximum")
    equal(bench.session_paid(link.url, custom_amount=7_350).amount_total, 7_350, "what was chosen")
    with invalid("custom_unit_amount[preset]"):
        beyond: Any = {"enabled": True, "minimum": 2_000, "preset": 1_000}
        bench.v1.prices.create({"product": "kettle", "currency": "sek", "custom_unit_amount": beyond})


@check("a recurring price tells its period, and prices are listed by it")
def _(bench: Bench) -> None:
    prices = bench.v1.prices
    every: Any = {"interval": "month", "interval_count": 3}
    made = prices.create({"product": "kettle", "currency": "sek", "unit_amount": 9_900, "recurring": every})
    recurring = made.recurring
    told = (made.type, recurring.interval, recurring.interval_count, recurring.usage_type)
    equal(told, ("recurring", "month", 3, "licensed"), "the price")
    equal(ids(prices.list({"type": "recurring", "product": "kettle"}).data), [made.id], "by type")
    equal(ids(prices.list({"recurring": {"interval": "month"}, "product": "kettle"}).data), [made.id], "by interval")
    equal(prices.list({"recurring": {"interval": "year"}, "product": "kettle"}).data, [], "by another interval")
    with invalid("recurring[interval_count]"):
        long: Any = {"interval": "year", "interval_count": 4}
        prices.create({"product": "kettle", "currency": "sek", "unit_amount": 9_900, "recurring": long})


@check("a price has amounts in other currencies, told when asked for")
def _(bench: Bench) -> None:
    prices = bench.v1.prices
    params: Any = {"product": "kettle", "currency": "sek", "unit_amount": 10_000, "tax_behavior": "exclusive"}
    made = prices.create({**params, "currency_options": {"eur": {"unit_amount": 900, "tax_behavior": "inclusive"}}})
    expect("currency_options" not in made, "the currencies are told unasked")
    prices.update(made.id, {"currency_options": {"usd": {"unit_amount": 1_000}}})
    options = prices.retrieve(made.id, {"expand": ["currency_options"]}).to_dict()["currency_options"]
    told = {name: (option["unit_amount"], option["tax_behavior"]) for name, option in options.items()}
    wanted = {"sek": (10_000, "exclusive"), "eur": (900, "inclusive"), "usd": (1_000, "unspecified")}
    equal(told, wanted, "the currencies")
    params = {"line_items": [{"price": made.id, "quantity": 2}], "currency": "eur", "expand": ["line_items"]}
    link = bench.v1.payment_links.create(params)
    equal((link.currency, link.line_items.data[0].amount_total), ("eur", 1_800), "a link in another currency")
    with invalid("tax_behavior"):
        prices.update(made.id, {"tax_behavior": "inclusive"})


@check("a lookup key belongs to one price, and is handed on when told to")
def _(bench: Bench) -> None:
    prices = bench.v1.prices
    params: Any = {"product": "kettle", "currency": "sek", "unit_amount": 100_00, "lookup_key": "standard"}
    first = prices.create(params)
    with invalid("lookup_key"):
        prices.create(params)
    second = prices.create({**params, "transfer_lookup_key": True})
    equal((second.lookup_key, prices.retrieve(first.id).lookup_key), ("standard", None), "the keys")
    (found,) = prices.list({"lookup_keys": ["standard"], "expand": ["data.product"]}).data
    equal((found.id, found.product.name), (second.id, "Kettle"), "the price found by its key")
