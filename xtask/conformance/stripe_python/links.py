"""Payment links."""

from typing import Any

import stripe

from bench import Bench, check, equal, expect, invalid, item, monthly, refused

LINKS = 250


@check("a link is created")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create(
        {
            "line_items": [item(5_000, 2), item(1_250, 1, name="Filter papers")],
            "metadata": {"order": "1001", "shop": "Söder"},
            "inactive_message": "This offer has ended.",
            "after_completion": {"type": "redirect", "redirect": {"url": "https://shop.example/thanks"}},
        }
    )
    bench.made["link"] = link
    expect(link.id.startswith("plink_"), f"the id: {link.id!r}")
    equal((link.object, link.active, link.currency, link.livemode), ("payment_link", True, "sek", False), "the link")
    equal(link.metadata.to_dict(), {"order": "1001", "shop": "Söder"}, "the metadata")
    equal(link.after_completion.redirect.url, "https://shop.example/thanks", "the redirect")
    expect(link.url.startswith("http"), f"the address: {link.url!r}")
    expect(link.last_response.headers.get("request-id"), "no Request-Id")


@check("a link is read")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.retrieve(link.id).to_dict(), link.to_dict(), "the link")


@check("the line items of a link are listed, page by page")
def _(bench: Bench) -> None:
    link = bench.get("link")
    page = bench.v1.payment_links.line_items.list(link.id, {"limit": 1})
    equal((len(page.data), page.has_more), (1, True), "the first page")
    lines = list(page.auto_paging_iter())
    told = [(line.object, line.description, line.quantity, line.amount_total, line.currency) for line in lines]
    wanted = [("item", "Coffee beans", 2, 10_000, "sek"), ("item", "Filter papers", 1, 1_250, "sek")]
    equal(told, wanted, "the line items")
    equal(lines[0].price.unit_amount, 5_000, "the unit price")


@check("the line items of a link come expanded with it")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.retrieve(bench.get("link").id, {"expand": ["line_items"]})
    equal([line.amount_total for line in link.line_items.data], [10_000, 1_250], "the line items")


@check("a quantity of a link is changed")
def _(bench: Bench) -> None:
    link = bench.get("link")
    second = bench.v1.payment_links.line_items.list(link.id).data[1]
    bench.v1.payment_links.update(link.id, {"line_items": [{"id": second.id, "quantity": 3}]})
    lines = bench.v1.payment_links.line_items.list(link.id).data
    equal([(line.quantity, line.amount_total) for line in lines], [(2, 10_000), (3, 3_750)], "the line items")


@check("metadata of a link: one is set and the others stay")
def _(bench: Bench) -> None:
    changed = bench.v1.payment_links.update(bench.get("link").id, {"metadata": {"channel": "mail"}})
    equal(changed.metadata.to_dict(), {"order": "1001", "shop": "Söder", "channel": "mail"}, "the metadata")


@check("metadata of a link: one is unset by an empty value")
def _(bench: Bench) -> None:
    changed = bench.v1.payment_links.update(bench.get("link").id, {"metadata": {"shop": ""}})
    equal(changed.metadata.to_dict(), {"order": "1001", "channel": "mail"}, "the metadata")


@check("metadata of a link: all are unset by an empty text")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.update(link.id, {"metadata": ""}).metadata.to_dict(), {}, "the metadata")
    equal(bench.v1.payment_links.retrieve(link.id).metadata.to_dict(), {}, "the metadata read")


@check("metadata beyond its limits is refused")
def _(bench: Bench) -> None:
    link = bench.get("link")
    for metadata, param in (
        ({"k" * 41: "v"}, f"metadata[{'k' * 41}]"),
        ({"k": "v" * 501}, "metadata[k]"),
        ({f"k{n}": "v" for n in range(51)}, "metadata"),
    ):
        with refused(stripe.InvalidRequestError, 400, param=param):
            bench.v1.payment_links.update(link.id, {"metadata": metadata})


@check("a link is closed, and takes no payment")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.update(link.id, {"active": False}).active, False, "active")
    equal(bench.pay(link.url)[0], 410, "paying at a closed link")


@check("a link is reopened, and takes payment")
def _(bench: Bench) -> None:
    link = bench.get("link")
    equal(bench.v1.payment_links.update(link.id, {"active": True}).active, True, "active")
    status, answer = bench.pay(link.url)
    equal((status, answer.get("status")), (200, "complete"), "paying at a reopened link")


@check("a link of one payment closes after it")
def _(bench: Bench) -> None:
    params = {"line_items": [item()], "restrictions": {"completed_sessions": {"limit": 1}}}
    link = bench.v1.payment_links.create(params)
    equal(bench.pay(link.url)[0], 200, "paying")
    closed = bench.v1.payment_links.retrieve(link.id)
    equal((closed.active, closed.restrictions.completed_sessions.count), (False, 1), "the link")
    equal(bench.pay(link.url)[0], 410, "paying again")


@check(f"{LINKS} links are listed by auto-paging, newest first, each once")
def _(bench: Bench) -> None:
    before = [link.id for link in bench.v1.payment_links.list({"limit": 100}).auto_paging_iter()]
    price = bench.v1.prices.create({"currency": "sek", "unit_amount": 5_000, "product_data": {"name": "Coffee beans"}})
    params: Any = {"line_items": [{"price": price.id, "quantity": 1}]}
    made = [bench.v1.payment_links.create(params).id for _ in range(LINKS)]
    bench.made["links"] = made
    listed = [link.id for link in bench.v1.payment_links.list({"limit": 100}).auto_paging_iter()]
    equal(len(listed), LINKS + len(before), "links listed")
    equal(listed, made[::-1] + before, "their order")


@check("links are paged backwards too")
def _(bench: Bench) -> None:
    newest_first = bench.get("links")[::-1]
    page = bench.v1.payment_links.list({"limit": 5, "ending_before": newest_first[20]})
    equal([link.id for link in page.data], newest_first[15:20], "the page before")
    rest = [link.id for link in page.auto_paging_iter()]
    equal(rest, newest_first[:20][::-1], "all before")


@check("links are listed by whether they are active")
def _(bench: Bench) -> None:
    bench.v1.payment_links.update(bench.get("links")[7], {"active": False})
    closed = [link.id for link in bench.v1.payment_links.list({"active": False}).auto_paging_iter()]
    expect(bench.get("links")[7] in closed and bench.get("links")[8] not in closed, "the wrong links are listed")


@check("a page of more than 100 is refused")
def _(bench: Bench) -> None:
    with refused(stripe.InvalidRequestError, 400, param="limit"):
        bench.v1.payment_links.list({"limit": 101})


FIELD: Any = {"key": "size", "type": "text", "label": {"type": "custom", "custom": "Size"}}
MESSAGE: Any = {"message": "As agreed."}


def papers(bench: Bench) -> Any:
    """A price of something small."""
    return bench.v1.prices.create({"currency": "sek", "unit_amount": 1_000, "product_data": {"name": "Filter papers"}})


def shipping(bench: Bench, name: str, amount: int) -> Any:
    fixed: Any = {"amount": amount, "currency": "sek"}
    return bench.v1.shipping_rates.create({"display_name": name, "type": "fixed_amount", "fixed_amount": fixed})


@check("each option of a link that can be cleared is set, read and cleared")
def _(bench: Bench) -> None:
    links, extra = bench.v1.payment_links, papers(bench)
    link = links.create({"line_items": [item(50_000)]})
    restrictions: Any = {"completed_sessions": {"limit": 3}}
    # The option, a value, what is told of the value, and what of it once cleared.
    cases: list[tuple[str, Any, Any, Any]] = [
        ("application_fee_amount", 500, 500, None),
        ("custom_fields", [FIELD], ["size"], []),
        ("inactive_message", "It is over.", "It is over.", None),
        ("name_collection", {"business": {"enabled": True, "optional": True}}, True, None),
        ("on_behalf_of", "acct_1", "acct_1", None),
        ("optional_items", [{"price": extra.id, "quantity": 2}], [extra.id], None),
        ("payment_method_options", {"card": {"restrictions": {"brands_blocked": ["american_express"]}}}, True, None),
        ("payment_method_types", ["card"], ["card"], None),
        ("restrictions", restrictions, 3, None),
        ("shipping_address_collection", {"allowed_countries": ["SE", "FI"]}, ["SE", "FI"], None),
        ("transfer_data", {"destination": "acct_1", "amount": 400}, 400, None),
    ]
    tell: dict[str, Any] = {
        "custom_fields": lambda fields: [one.key for one in fields],
        "name_collection": lambda names: names.business.optional,
        "optional_items": lambda items: [one.price for one in items],
        "payment_method_options": lambda options: options.card.restrictions.brands_blocked == ["american_express"],
        "restrictions": lambda limits: limits.completed_sessions.limit,
        "shipping_address_collection": lambda countries: countries.allowed_countries,
        "transfer_data": lambda transfer: transfer.amount,
    }
    for name, value, told, cleared in cases:
        links.update(link.id, {name: value})
        read = getattr(links.retrieve(link.id), name)
        equal(tell.get(name, lambda told: told)(read), told, name)
        links.update(link.id, {name: ""})
        equal(getattr(links.retrieve(link.id), name), cleared, f"{name} once cleared")


@check("parts of an option are set and cleared, and the other parts stay")
def _(bench: Bench) -> None:
    links = bench.v1.payment_links
    data: Any = {"description": "Beans", "statement_descriptor": "BEANS", "metadata": {"a": "1"}, "transfer_group": "g"}
    text: Any = {"submit": MESSAGE, "shipping_address": MESSAGE}
    link = links.create({"line_items": [item()], "payment_intent_data": data, "custom_text": text})
    cleared: Any = {"description": "", "transfer_group": "", "metadata": ""}
    changed = links.update(link.id, {"payment_intent_data": cleared, "custom_text": {"submit": ""}})
    data = changed.payment_intent_data
    told = (data.description, data.transfer_group, data.statement_descriptor, data.metadata.to_dict())
    equal(told, (None, None, "BEANS", {}), "payment_intent_data")
    told = (changed.custom_text.submit, changed.custom_text.shipping_address.message)
    equal(told, (None, "As agreed."), "custom_text")


@check("options of a link that have no empty value are changed back")
def _(bench: Bench) -> None:
    links, rate = bench.v1.payment_links, shipping(bench, "By post", 4_900)
    link = links.create({"line_items": [item()], "shipping_options": [{"shipping_rate": rate.id}]})
    equal([one.shipping_rate for one in link.shipping_options], [rate.id], "the shipping options")
    equal(link.shipping_options[0].shipping_amount, 4_900, "the shipping amount")
    hosted: Any = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "Thanks"}}
    invoice: Any = {"description": "Order", "custom_fields": [{"name": "Ref", "value": "7"}], "metadata": {"a": "1"}}
    changed = links.update(
        link.id,
        {
            "shipping_options": "",
            "after_completion": hosted,
            "allow_promotion_codes": True,
            "automatic_tax": {"enabled": True},
            "billing_address_collection": "required",
            "consent_collection": {"promotions": "auto"},
            "customer_creation": "always",
            "invoice_creation": {"enabled": True, "invoice_data": invoice},
            "phone_number_collection": {"enabled": True},
            "submit_type": "book",
            "tax_id_collection": {"enabled": True, "required": "if_supported"},
        },
    )
    told = (changed.shipping_options, changed.after_completion.to_dict(), changed.allow_promotion_codes)
    equal(told, ([], hosted, True), "the link")
    told = (changed.automatic_tax.enabled, changed.billing_address_collection, changed.customer_creation)
    equal(told, (True, "required", "always"), "the link")
    told = (changed.consent_collection.promotions, changed.phone_number_collection.enabled, changed.submit_type)
    equal(told, ("auto", True, "book"), "the link")
    equal(changed.tax_id_collection.required, "if_supported", "the tax id")
    data = changed.invoice_creation.invoice_data
    told = (data.description, data.custom_fields[0].value, data.metadata.to_dict())
    equal(told, ("Order", "7", {"a": "1"}), "the invoice")
    plain: Any = {"enabled": True, "invoice_data": {"custom_fields": "", "metadata": ""}}
    data = links.update(link.id, {"invoice_creation": plain}).invoice_creation.invoice_data
    equal((data.custom_fields, data.metadata.to_dict()), (None, {}), "the invoice cleared")
    equal(bench.told("payment_link.updated", link.id, submit_type="book").allow_promotion_codes, True, "the snapshot")


@check("options of a recurring link are set and cleared")
def _(bench: Bench) -> None:
    links = bench.v1.payment_links
    data: Any = {
        "description": "Beans each month",
        "metadata": {"plan": "beans"},
        "trial_period_days": 7,
        "trial_settings": {"end_behavior": {"missing_payment_method": "cancel"}},
    }
    link = links.create({"line_items": [monthly()], "subscription_data": data, "application_fee_percent": 2.5})
    told = (link.subscription_data.trial_period_days, link.application_fee_percent, link.subscription_data.description)
    equal(told, (7, 2.5, "Beans each month"), "the link")
    equal(link.subscription_data.trial_settings.end_behavior.missing_payment_method, "cancel", "the trial's end")
    cleared: Any = {"trial_period_days": "", "trial_settings": "", "metadata": ""}
    changed = links.update(link.id, {"subscription_data": cleared, "application_fee_percent": ""})
    data = changed.subscription_data
    told = (data.trial_period_days, data.trial_settings, data.metadata.to_dict(), data.description)
    equal(told, (None, None, {}, "Beans each month"), "subscription_data")
    equal(changed.application_fee_percent, None, "application_fee_percent")
    with invalid("payment_intent_data"):
        links.update(link.id, {"payment_intent_data": {"description": "x"}})


@check("what a link can't change, and what does not fit, is refused")
def _(bench: Bench) -> None:
    links = bench.v1.payment_links
    link = links.create({"line_items": [item()]})
    with invalid("currency", "parameter_unknown"):
        links.update(link.id, {"currency": "eur"})
    with invalid("line_items[0][price]", "parameter_unknown"):
        line = links.line_items.list(link.id).data[0]
        links.update(link.id, {"line_items": [{"id": line.id, "price": "price_1"}]})
    with invalid("custom_fields"):
        links.update(link.id, {"custom_fields": [{**FIELD, "key": f"size{n}"} for n in range(4)]})
    with invalid("after_completion[redirect][url]", "url_invalid"):
        links.update(link.id, {"after_completion": {"type": "redirect", "redirect": {"url": "nowhere"}}})
    with invalid("subscription_data"):
        links.update(link.id, {"subscription_data": {"trial_period_days": 7}})
    with invalid("active", "parameter_invalid_empty"):
        links.update(link.id, {"active": ""})


@check("optional items and adjustable quantities are bought as the customer chooses")
def _(bench: Bench) -> None:
    extra = papers(bench)
    adjustable: Any = {"enabled": True, "minimum": 1, "maximum": 5}
    optional: Any = [{"price": extra.id, "quantity": 1, "adjustable_quantity": {"enabled": True, "maximum": 3}}]
    lines: Any = [{**item(), "adjustable_quantity": adjustable}]
    link = bench.v1.payment_links.create({"line_items": lines, "optional_items": optional, "custom_fields": [FIELD]})
    session = bench.session_paid(
        link.url, expand=["line_items"], optional_items={extra.id: 2}, custom_fields={"size": "large"}
    )
    told = [(line.description, line.quantity, line.amount_total) for line in session.line_items.data]
    equal(told, [("Coffee beans", 1, 5_000), ("Filter papers", 2, 2_000)], "the line items")
    equal((session.amount_total, session.custom_fields[0].text.value), (7_000, "large"), "the session")


@check("tax is computed where a link asks for it")
def _(bench: Bench) -> None:
    lines: Any = [item(10_000, tax_behavior="exclusive")]
    link = bench.v1.payment_links.create({"line_items": lines, "automatic_tax": {"enabled": True}})
    session = bench.session_paid(link.url, expand=["line_items.data.taxes", "total_details.breakdown"])
    told = (session.amount_subtotal, session.total_details.amount_tax, session.amount_total)
    equal(told, (10_000, 2_500, 12_500), "the amounts, with Swedish tax")
    equal(session.automatic_tax.status, "complete", "the tax")
    (line,) = session.line_items.data
    equal((line.amount_tax, line.taxes[0].amount, line.taxes[0].taxable_amount), (2_500, 2_500, 10_000), "the line")
    equal(session.total_details.breakdown.taxes[0].amount, 2_500, "the breakdown")


@check("shipping is added to what a link's customer pays")
def _(bench: Bench) -> None:
    rates = [shipping(bench, "By post", 4_900), shipping(bench, "By hand", 9_900)]
    options: Any = [{"shipping_rate": rate.id} for rate in rates]
    countries: Any = {"allowed_countries": ["SE"]}
    params: Any = {"line_items": [item()], "shipping_options": options, "shipping_address_collection": countries}
    link = bench.v1.payment_links.create(params)
    address = {"country": "SE", "line1": "Storgatan 1", "postal_code": "903 26", "city": "Umeå"}
    equal(bench.pay(link.url)[1].get("fields", [{}])[0].get("field"), "shipping.name", "without an address")
    session = bench.session_paid(
        link.url,
        expand=["shipping_cost.shipping_rate"],
        shipping={"name": "Ada", "address": address},
        shipping_rate=rates[1].id,
    )
    told = (session.amount_subtotal, session.total_details.amount_shipping, session.amount_total)
    equal(told, (5_000, 9_900, 14_900), "the amounts")
    equal(session.shipping_cost.shipping_rate.display_name, "By hand", "the rate chosen")
    equal(session.collected_information.shipping_details.address.city, "Umeå", "the address")


@check("what the address of a link says is on its session")
def _(bench: Bench) -> None:
    link = bench.v1.payment_links.create({"line_items": [item()]})
    query = "client_reference_id=cart-9&prefilled_email=ada%40shop.example&locale=sv"
    session = bench.session_paid(f"{link.url}?{query}")
    told = (session.client_reference_id, session.customer_email, session.locale)
    equal(told, ("cart-9", "ada@shop.example", "sv"), "the session")
