"""What makes it cheaper or dearer: coupons, promotion codes and shipping rates."""

from typing import Any

from bench import DAY, Bench, check, equal, expect, ids, invalid, item, missing


@check("a coupon with an id of one's own is created, read, updated and listed")
def _(bench: Bench) -> None:
    coupons = bench.v1.coupons
    params: Any = {"id": "SPRING", "percent_off": 12.5, "name": "Spring", "max_redemptions": 3, "metadata": {"a": "1"}}
    made = coupons.create(params)
    told = (made.id, made.object, made.percent_off, made.amount_off, made.duration, made.valid, made.times_redeemed)
    equal(told, ("SPRING", "coupon", 12.5, None, "once", True, 0), "the coupon")
    equal(coupons.retrieve("SPRING").to_dict(), made.to_dict(), "the coupon read")
    changed = coupons.update("SPRING", {"name": "Spring sale", "metadata": {"a": "", "b": "2"}})
    equal((changed.name, changed.metadata.to_dict()), ("Spring sale", {"b": "2"}), "the coupon updated")
    other = coupons.create({"percent_off": 10, "duration": "forever"})
    equal(ids(coupons.list().data), [other.id, "SPRING"], "coupons listed")
    equal(ids(coupons.list({"starting_after": other.id}).data), ["SPRING"], "the second page")
    with invalid("id", "resource_already_exists"):
        coupons.create(params)
    equal(bench.told("coupon.created", "SPRING").percent_off, 12.5, "the snapshot")
    equal(bench.told("coupon.updated", "SPRING").name, "Spring sale", "the snapshot of the change")


@check("a coupon of an amount has a currency, and others beside it")
def _(bench: Bench) -> None:
    coupons = bench.v1.coupons
    with invalid("currency", "parameter_missing"):
        coupons.create({"amount_off": 500})
    params: Any = {"amount_off": 1_000, "currency": "sek", "currency_options": {"eur": {"amount_off": 90}}}
    made = coupons.create({**params, "duration": "repeating", "duration_in_months": 3})
    told = (made.amount_off, made.currency, made.duration, made.duration_in_months)
    equal(told, (1_000, "sek", "repeating", 3), "the coupon")
    options = coupons.retrieve(made.id, {"expand": ["currency_options"]}).to_dict()["currency_options"]
    equal({name: one["amount_off"] for name, one in options.items()}, {"sek": 1_000, "eur": 90}, "the currencies")


@check("a coupon for some products tells them when asked for")
def _(bench: Bench) -> None:
    coupons = bench.v1.coupons
    made = coupons.create({"percent_off": 50, "applies_to": {"products": ["kettle"]}, "expand": ["applies_to"]})
    equal(made.applies_to.products, ["kettle"], "the products")
    expect("applies_to" not in coupons.retrieve(made.id), "the products are told unasked")
    with missing("applies_to[products][0]"):
        coupons.create({"percent_off": 50, "applies_to": {"products": ["prod_none"]}})


@check("a coupon that does not fit is refused")
def _(bench: Bench) -> None:
    for params, param in (
        ({}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 10, "redeem_by": bench.now() - 1}, "redeem_by"),
    ):
        with invalid(param):
            bench.v1.coupons.create(params)


@check("a coupon is deleted")
def _(bench: Bench) -> None:
    coupons = bench.v1.coupons
    made = coupons.create({"percent_off": 5})
    gone = coupons.delete(made.id)
    equal((gone.id, gone.object, gone.deleted), (made.id, "coupon", True), "deleted")
    with missing():
        coupons.retrieve(made.id)
    bench.told("coupon.deleted", made.id)


@check("a promotion code is created with its restrictions, read and expanded")
def _(bench: Bench) -> None:
    codes = bench.v1.promotion_codes
    restrictions: Any = {
        "first_time_transaction": True,
        "minimum_amount": 5_000,
        "minimum_amount_currency": "sek",
        "currency_options": {"eur": {"minimum_amount": 450}},
    }
    end = bench.now() + DAY
    params: Any = {
        "promotion": {"type": "coupon", "coupon": "SPRING"},
        "code": "SPRING-20",
        "restrictions": restrictions,
    }
    made = codes.create({**params, "max_redemptions": 2, "expires_at": end, "metadata": {"campaign": "mail"}})
    bench.made["promotion"] = made
    told = (made.object, made.code, made.active, made.promotion.type, made.promotion.coupon, made.max_redemptions)
    equal(told, ("promotion_code", "SPRING-20", True, "coupon", "SPRING", 2), "the code")
    told = (made.expires_at, made.times_redeemed, made.metadata.to_dict(), made.customer)
    equal(told, (end, 0, {"campaign": "mail"}, None), "the code")
    limits = made.restrictions
    told = (limits.first_time_transaction, limits.minimum_amount, limits.minimum_amount_currency)
    equal(told, (True, 5_000, "sek"), "the restrictions")
    expect("currency_options" not in limits, "the currencies are told unasked")
    read: Any = {"expand": ["promotion.coupon", "restrictions.currency_options"]}
    read = codes.retrieve(made.id, read)
    equal(read.promotion.coupon.percent_off, 12.5, "the coupon expanded")
    told = {name: one["minimum_amount"] for name, one in read.to_dict()["restrictions"]["currency_options"].items()}
    equal(told, {"sek": 5_000, "eur": 450}, "the currencies")


@check("an active code is there once, in whatever case")
def _(bench: Bench) -> None:
    codes = bench.v1.promotion_codes
    coupon: Any = {"type": "coupon", "coupon": "SPRING"}
    with invalid("code"):
        codes.create({"promotion": coupon, "code": "spring-20"})
    idle = codes.create({"promotion": coupon, "code": "spring-20", "active": False})
    with invalid("active"):
        codes.update(idle.id, {"active": True})
    equal(ids(codes.list({"code": "SPRING-20"}).data), [idle.id, bench.get("promotion").id], "by code")
    equal(ids(codes.list({"code": "SPRING-20", "active": True}).data), [bench.get("promotion").id], "by code, active")


@check("a promotion code is updated, and listed by coupon and customer")
def _(bench: Bench) -> None:
    codes, customer = bench.v1.promotion_codes, bench.get("customer").id
    made = codes.create({"promotion": {"type": "coupon", "coupon": "SPRING"}, "customer": customer})
    expect(len(made.code) >= 6, f"a code of its own: {made.code!r}")
    changed = codes.update(made.id, {"active": False, "metadata": {"campaign": "over"}})
    equal((changed.active, changed.metadata.to_dict()), (False, {"campaign": "over"}), "the code updated")
    equal(ids(codes.list({"customer": customer}).data), [made.id], "by customer")
    equal(len(codes.list({"coupon": "SPRING"}).data), 3, "by coupon")
    equal(bench.told("promotion_code.updated", made.id).active, False, "the snapshot")


@check("a promotion code that does not fit is refused")
def _(bench: Bench) -> None:
    coupon: Any = {"type": "coupon", "coupon": "SPRING"}
    least: Any = {"minimum_amount": 5_000}
    create = bench.v1.promotion_codes.create
    with missing("promotion[coupon]"):
        create({"promotion": {"type": "coupon", "coupon": "NONE"}})
    with invalid("promotion[type]", "parameter_missing"):
        create({"promotion": {"coupon": "SPRING"}})
    with invalid("restrictions[minimum_amount_currency]", "parameter_missing"):
        create({"promotion": coupon, "restrictions": least})
    with invalid("max_redemptions"):
        create({"promotion": coupon, "max_redemptions": 4})
    with invalid("code"):
        create({"promotion": coupon, "code": "å"})


@check("a link is paid with a promotion code, and the session tells what it took off")
def _(bench: Bench) -> None:
    promotion, coupon = bench.get("promotion"), bench.v1.coupons.retrieve("SPRING")
    link = bench.v1.payment_links.create({"line_items": [item(4_000, 2)], "allow_promotion_codes": True})
    status, answer = bench.pay(link.url, promotion_code="SPRING-21")
    equal((status, answer.get("fields", [{}])[0].get("kind")), (422, "unknown_code"), "a code that is none")
    expand = ["line_items.data.discounts", "total_details.breakdown", "discounts.promotion_code", "discounts.coupon"]
    # Whoever has bought before can't use it.
    session = bench.session_paid(link.url, expand=expand, promotion_code="spring-20", email="new@shop.example")
    told = (session.amount_subtotal, session.total_details.amount_discount, session.amount_total)
    equal(told, (8_000, 1_000, 7_000), "the amounts")
    (discount,) = session.discounts
    equal((discount.promotion_code.id, discount.coupon.id), (promotion.id, coupon.id), "the discount")
    (part,) = session.total_details.breakdown.discounts
    equal((part.amount, part.discount.promotion_code), (1_000, promotion.id), "the breakdown")
    (line,) = session.line_items.data
    equal((line.amount_subtotal, line.amount_discount, line.amount_total), (8_000, 1_000, 7_000), "the line")
    equal(line.discounts[0].amount, 1_000, "the line's discount")
    redeemed = (bench.v1.promotion_codes.retrieve(promotion.id), bench.v1.coupons.retrieve("SPRING"))
    equal([one.times_redeemed for one in redeemed], [1, coupon.times_redeemed + 1], "redemptions")
    status, answer = bench.pay(link.url, promotion_code="SPRING-20", email="new@shop.example")
    equal((status, answer.get("fields", [{}])[0].get("kind")), (422, "code_not_for_you"), "a second time")


@check("a code below its least amount takes nothing off")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item(4_999)], "allow_promotion_codes": True})
    status, answer = bench.pay(link.url, promotion_code="SPRING-20", email="frugal@shop.example")
    equal((status, answer.get("fields", [{}])[0].get("kind")), (422, "below_minimum"), "paying")


@check("a session is given a coupon, and shows what it comes to before it is paid")
def _(bench: Bench) -> None:
    sessions = bench.v1.checkout.sessions
    params: Any = {"mode": "payment", "line_items": [item(10_000)], "success_url": "https://shop.example/thanks"}
    session = sessions.create({**params, "discounts": [{"coupon": "SPRING"}]})
    told = (session.amount_subtotal, session.total_details.amount_discount, session.amount_total)
    equal(told, (10_000, 1_250, 8_750), "the amounts")
    with missing("discounts[0][coupon]"):
        sessions.create({**params, "discounts": [{"coupon": "NONE"}]})
    with invalid("allow_promotion_codes"):
        sessions.create({**params, "discounts": [{"coupon": "SPRING"}], "allow_promotion_codes": True})


@check("a shipping rate is created, read, updated and listed")
def _(bench: Bench) -> None:
    rates = bench.v1.shipping_rates
    params: Any = {
        "display_name": "By post",
        "type": "fixed_amount",
        "fixed_amount": {"amount": 4_900, "currency": "sek", "currency_options": {"eur": {"amount": 450}}},
        "delivery_estimate": {
            "minimum": {"unit": "business_day", "value": 1},
            "maximum": {"unit": "business_day", "value": 3},
        },
        "metadata": {"carrier": "post"},
    }
    made = rates.create(params)
    bench.made["rate"] = made
    told = (made.object, made.display_name, made.type, made.active, made.fixed_amount.amount, made.tax_behavior)
    equal(told, ("shipping_rate", "By post", "fixed_amount", True, 4_900, "unspecified"), "the rate")
    equal(made.delivery_estimate.to_dict(), params["delivery_estimate"], "the delivery estimate")
    expect("currency_options" not in made.fixed_amount, "the currencies are told unasked")
    equal(rates.retrieve(made.id).to_dict(), made.to_dict(), "the rate read")
    options: Any = {"currency_options": {"usd": {"amount": 500}}}
    changed = rates.update(made.id, {"fixed_amount": options, "tax_behavior": "exclusive", "metadata": {"carrier": ""}})
    equal((changed.tax_behavior, changed.metadata.to_dict()), ("exclusive", {}), "the rate updated")
    told = rates.retrieve(made.id, {"expand": ["fixed_amount.currency_options"]}).to_dict()["fixed_amount"][
        "currency_options"
    ]
    equal({name: one["amount"] for name, one in told.items()}, {"sek": 4_900, "eur": 450, "usd": 500}, "the currencies")
    dear = rates.create(
        {"display_name": "By hand", "type": "fixed_amount", "fixed_amount": {"amount": 1_500, "currency": "eur"}}
    )
    equal(ids(rates.list().data)[:2], [dear.id, made.id], "rates listed")
    equal(ids(rates.list({"currency": "eur"}).data), [dear.id], "by currency")
    rates.update(dear.id, {"active": False})
    expect(dear.id not in ids(rates.list({"active": True}).data), "one that is not active is listed")


@check("a shipping rate that does not fit is refused")
def _(bench: Bench) -> None:
    create = bench.v1.shipping_rates.create
    with invalid("display_name", "parameter_missing"):
        create({"fixed_amount": {"amount": 1, "currency": "sek"}})
    with invalid("fixed_amount[currency]"):
        create({"display_name": "By post", "fixed_amount": {"amount": 1, "currency": "xxx"}})
    for service in (bench.v1.coupons, bench.v1.promotion_codes, bench.v1.shipping_rates):
        with missing():
            service.retrieve("none_such")
