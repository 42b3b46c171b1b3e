//! What a purchase comes to: lines, discount, shipping, tax, and what of it is due today.

use serde_json::{Value, json};

use crate::api::{coupons, promotion_codes, sessions, shipping_rates, subscriptions};
use crate::clock::DAY;
use crate::pricing;
use crate::purchase::tax::Tax;
use crate::purchase::{FieldError, FieldErrorKind, FormField, Purchase, Quote, QuotedLine, Recurring, validation};
use crate::state::{Ctx, LineItem, text};

/// A line with its figures, in minor units.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// Empty for an optional item.
    pub(crate) line_item_id: String,
    pub(crate) price: Value,
    pub(crate) name: String,
    detail: Option<String>,
    unit_label: Option<String>,
    pub(crate) quantity: i64,
    pub(crate) subtotal: i64,
    pub(crate) discount: i64,
    pub(crate) tax: i64,
    is_inclusive: bool,
    optional: bool,
}

/// The discount that applies.
#[derive(Debug, Clone)]
pub(crate) struct AppliedDiscount {
    /// The discount's id, once it is paid with.
    pub(crate) id: String,
    pub(crate) coupon: Value,
    pub(crate) promotion: Option<String>,
    /// The code that the customer entered, as the merchant wrote it.
    pub(crate) code: Option<String>,
}

/// The shipping chosen, in minor units.
#[derive(Debug, Clone)]
pub(crate) struct Shipping {
    pub(crate) rate: String,
    pub(crate) amount: i64,
    pub(crate) tax: i64,
    is_inclusive: bool,
}

/// All figures of a purchase.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) currency: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) applied: Option<AppliedDiscount>,
    pub(crate) shipping: Option<Shipping>,
    pub(crate) tax: Option<Tax>,
    pub(crate) trial_ends: Option<i64>,
}

impl Line {
    /// With the tax that is added to it.
    pub(crate) fn total(&self) -> i64 {
        self.subtotal - self.discount + if self.is_inclusive { 0 } else { self.tax }
    }

    pub(crate) fn is_recurring(&self) -> bool {
        self.price["recurring"].is_object()
    }

    fn taxable(&self) -> i64 {
        self.subtotal - self.discount
    }
}

impl Shipping {
    fn total(&self) -> i64 {
        self.amount + if self.is_inclusive { 0 } else { self.tax }
    }
}

/// A line of a price, before discount and tax; none where it has no amount in the currency, or one that is too large.
pub(crate) fn line(
    ctx: &mut Ctx<'_>,
    price: Value,
    currency: &str,
    quantity: i64,
    chosen: Option<i64>,
) -> Option<Line> {
    let subtotal = pricing::amount(&price, currency, quantity, chosen)?;
    let product = ctx.account().get("product", text(&price, "product")).cloned().unwrap_or(Value::Null);
    Some(Line {
        name: text(&product, "name").to_owned(),
        detail: product["description"].as_str().map(str::to_owned),
        unit_label: product["unit_label"].as_str().map(str::to_owned),
        is_inclusive: pricing::terms(&price, currency).is_some_and(|terms| terms["tax_behavior"] == "inclusive"),
        price,
        quantity,
        subtotal,
        ..Line::default()
    })
}

/// The figures for what is chosen; what does not fit is told, and left out of them.
pub(crate) fn of(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    field_errors: &mut Vec<FieldError>,
) -> Figures {
    let currency = text(session, "currency").to_owned();
    let mut figures = Figures { currency, ..Figures::default() };
    figures.lines = chosen_lines(ctx, session, purchase, field_errors);
    figures.lines.extend(optional_lines(ctx, session, purchase, field_errors));
    figures.applied = applied(ctx, session, purchase, &figures, field_errors);
    figures.shipping = shipping(ctx, session, purchase, field_errors);
    figures.tax = tax(ctx, session, purchase);
    figures.trial_ends = trial_ends(ctx, session).filter(|_| figures.lines.iter().any(Line::is_recurring));
    figures.discount_and_tax();
    figures
}

fn chosen_lines(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    field_errors: &mut Vec<FieldError>,
) -> Vec<Line> {
    let items = ctx.account().line_items(text(session, "id")).to_vec();
    let alone = items.len() == 1;
    let mut lines = Vec::with_capacity(items.len());
    for item in &items {
        let entry = || FormField::Quantity(item.id.clone());
        let price = ctx.account().get("price", &item.price).cloned().unwrap_or(Value::Null);
        let quantity = quantity(item, purchase.quantities.get(&item.id), alone).unwrap_or_else(|kind| {
            field_errors.push(FieldError { field: entry(), kind });
            item.quantity
        });
        if quantity == 0 {
            continue;
        }
        let chosen = chosen_amount(&price, &item.currency, purchase, field_errors);
        match line(ctx, price.clone(), &item.currency, quantity, chosen) {
            Some(line) => lines.push(Line { line_item_id: item.id.clone(), ..line }),
            None => field_errors.push(FieldError { field: entry(), kind: too_large(&price, &item.currency, quantity) }),
        }
    }
    if let (true, Some(first)) = (lines.is_empty() && field_errors.is_empty(), items.first()) {
        field_errors
            .push(FieldError { field: FormField::Quantity(first.id.clone()), kind: FieldErrorKind::TooSmall(1) });
    }
    lines
}

/// The quantity of a line; where it can't be adjusted, the line keeps its own.
fn quantity(item: &LineItem, wanted: Option<&i64>, alone: bool) -> Result<i64, FieldErrorKind> {
    let (Some(wanted), Some((least, most))) = (wanted, validation::quantity_bounds(&item.adjustable_quantity, alone))
    else {
        return Ok(item.quantity);
    };
    match *wanted {
        wanted if wanted < least => Err(FieldErrorKind::TooSmall(least)),
        wanted if wanted > most => Err(FieldErrorKind::TooLarge(most)),
        wanted => Ok(wanted),
    }
}

/// A line that is too large, by a quantity that is not.
fn too_large(price: &Value, currency: &str, quantity: i64) -> FieldErrorKind {
    let (mut fits, mut exceeds) = (0, quantity);
    while exceeds - fits > 1 {
        let middle = fits + (exceeds - fits) / 2;
        match pricing::amount(price, currency, middle, None) {
            Some(_) => fits = middle,
            None => exceeds = middle,
        }
    }
    FieldErrorKind::TooLarge(fits)
}

/// What the customer pays where the price leaves it open; nothing yet where they have not said.
fn chosen_amount(
    price: &Value,
    currency: &str,
    purchase: &Purchase,
    field_errors: &mut Vec<FieldError>,
) -> Option<i64> {
    if price["custom_unit_amount"].is_null() {
        return None;
    }
    let terms = pricing::terms(price, currency)?;
    let (least, most) = pricing::chosen_bounds(terms, currency);
    let mut refuse = |kind| field_errors.push(FieldError { field: FormField::CustomAmount, kind });
    match purchase.custom_amount.or(pricing::preset(terms)) {
        None => Some(0),
        Some(amount) if amount < least => {
            refuse(FieldErrorKind::TooSmall(least));
            Some(0)
        }
        Some(amount) if amount > most => {
            refuse(FieldErrorKind::TooLarge(most));
            Some(0)
        }
        // Nobody is charged another amount than the one that they chose.
        Some(amount) if amount % crate::money::charge_increment(currency) != 0 => {
            refuse(FieldErrorKind::Malformed);
            Some(0)
        }
        amount => amount,
    }
}

fn optional_lines(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    field_errors: &mut Vec<FieldError>,
) -> Vec<Line> {
    let offered = session["optional_items"].as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    let mut taken: Vec<_> = purchase.optional_items.iter().filter(|(_, quantity)| **quantity != 0).collect();
    // As they are offered, not by their ids.
    taken.sort_by_key(|(id, _)| offered.iter().position(|offer| offer["price"] == id.as_str()));
    for (id, quantity) in taken {
        let mut refuse = |kind| field_errors.push(FieldError { field: FormField::OptionalItem(id.clone()), kind });
        let Some(offer) = offered.iter().find(|offer| offer["price"] == id.as_str()) else {
            refuse(FieldErrorKind::NotAnOption);
            continue;
        };
        let own = offer["quantity"].as_i64().unwrap_or(1);
        let (least, most) = validation::offer_bounds(&offer["adjustable_quantity"]).unwrap_or((own, own));
        if *quantity < least {
            refuse(FieldErrorKind::TooSmall(least));
            continue;
        }
        if *quantity > most {
            refuse(FieldErrorKind::TooLarge(most));
            continue;
        }
        let price = ctx.account().get("price", id).cloned().unwrap_or(Value::Null);
        let currency = text(session, "currency");
        match line(ctx, price.clone(), currency, *quantity, None) {
            Some(line) => lines.push(Line { optional: true, ..line }),
            None => refuse(too_large(&price, currency, *quantity)),
        }
    }
    lines
}

/// The discount that the session has, or that the customer's code brings.
fn applied(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    figures: &Figures,
    field_errors: &mut Vec<FieldError>,
) -> Option<AppliedDiscount> {
    if let Some(coupon) = session["discounts"][0]["coupon"].as_str() {
        let coupon = ctx.account().get("coupon", coupon)?.clone();
        let promotion = session["discounts"][0]["promotion_code"].as_str().map(str::to_owned);
        return Some(AppliedDiscount { id: crate::ids::new("di"), coupon, promotion, code: None });
    }
    let typed = purchase.promotion_code.as_deref().map(str::trim).filter(|typed| !typed.is_empty())?;
    let found = if session["allow_promotion_codes"] == true {
        by_code(ctx, session, purchase, figures, typed)
    } else {
        Err(FieldErrorKind::NotAnOption)
    };
    found.map_err(|kind| field_errors.push(FieldError { field: FormField::PromotionCode, kind })).ok()
}

fn by_code(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    figures: &Figures,
    typed: &str,
) -> Result<AppliedDiscount, FieldErrorKind> {
    let promotion = promotion_codes::by_code(ctx, typed).ok_or(FieldErrorKind::UnknownCode)?;
    let coupon = ctx.account().get("coupon", text(&promotion["promotion"], "coupon")).cloned();
    let coupon = coupon.ok_or(FieldErrorKind::UnknownCode)?;
    if promotion["active"] != true {
        let is_spent = promotion_codes::is_spent(&promotion, Some(&coupon), ctx.now);
        return Err(if is_spent { FieldErrorKind::ExpiredCode } else { FieldErrorKind::UnknownCode });
    }
    let customer = session["customer"].as_str();
    if promotion["customer"].as_str().is_some_and(|only| customer != Some(only)) {
        return Err(FieldErrorKind::CodeNotForYou);
    }
    let restrictions = &promotion["restrictions"];
    if restrictions["first_time_transaction"] == true
        && has_bought(ctx, customer, purchase.email.as_deref().unwrap_or_default())
    {
        return Err(FieldErrorKind::CodeNotForYou);
    }
    if restrictions["minimum_amount"].is_i64() {
        let least = restrictions["currency_options"][&figures.currency]["minimum_amount"].as_i64();
        let least = least.ok_or(FieldErrorKind::NotAnOption)?;
        if figures.subtotal() < least {
            return Err(FieldErrorKind::BelowMinimum(least));
        }
    }
    let takes_off = coupon["percent_off"].is_number() || coupons::amount_off(&coupon, &figures.currency).is_some();
    if !takes_off || !figures.lines.iter().any(|line| is_eligible(&coupon, line)) {
        return Err(FieldErrorKind::NotAnOption);
    }
    let text_of = |field: &str| promotion[field].as_str().map(str::to_owned);
    Ok(AppliedDiscount { id: crate::ids::new("di"), coupon, promotion: text_of("id"), code: text_of("code") })
}

/// Whether money of theirs came in before: what was given away, or was not paid in the end, is no transaction.
fn has_bought(ctx: &mut Ctx<'_>, customer: Option<&str>, email: &str) -> bool {
    let is_theirs = |object: &Value, email_of: &str| {
        customer.is_some_and(|customer| object["customer"] == customer)
            || (!email.is_empty() && email_of.eq_ignore_ascii_case(email))
    };
    let by_session = |session: &Value| {
        session["payment_status"] == "paid" && is_theirs(session, text(&session["customer_details"], "email"))
    };
    let by_invoice = |invoice: &Value| {
        invoice["status"] == "paid"
            && invoice["amount_paid"].as_i64().is_some_and(|paid| paid > 0)
            && is_theirs(invoice, text(invoice, "customer_email"))
    };
    ctx.account().all("checkout.session").any(by_session) || ctx.account().all("invoice").any(by_invoice)
}

fn is_eligible(coupon: &Value, line: &Line) -> bool {
    coupon["applies_to"]["products"].as_array().is_none_or(|products| products.contains(&line.price["product"]))
}

fn shipping(
    ctx: &mut Ctx<'_>,
    session: &Value,
    purchase: &Purchase,
    field_errors: &mut Vec<FieldError>,
) -> Option<Shipping> {
    let options = session["shipping_options"].as_array()?;
    let first = options.first()?["shipping_rate"].as_str()?;
    let wanted = match purchase.shipping_rate.as_deref().filter(|wanted| !wanted.is_empty()) {
        Some(wanted) if options.iter().any(|option| option["shipping_rate"] == wanted) => wanted,
        Some(_) => {
            field_errors.push(FieldError { field: FormField::ShippingRate, kind: FieldErrorKind::NotAnOption });
            first
        }
        None => first,
    };
    let rate = ctx.account().get("shipping_rate", wanted)?;
    let amount = shipping_rates::amount(rate, text(session, "currency"))?;
    let is_inclusive = shipping_rates::is_inclusive(rate, text(session, "currency"));
    Some(Shipping { rate: wanted.to_owned(), amount, tax: 0, is_inclusive })
}

/// The tax where the goods go, or else where the customer is. Stripe goes by what it knows of a customer, unless the
/// session takes over what they enter (`customer_update[address]=auto`); see
/// <https://docs.stripe.com/tax/checkout/page>.
fn tax(ctx: &mut Ctx<'_>, session: &Value, purchase: &Purchase) -> Option<Tax> {
    if session["automatic_tax"]["enabled"] != true {
        return None;
    }
    let customer = session["customer"].as_str().and_then(|id| ctx.account().get("customer", id)).cloned();
    let customer = customer.unwrap_or(Value::Null);
    let exempt = customer["tax_exempt"].as_str().unwrap_or("none");
    let takes_over = sessions::internal_of(ctx, text(session, "id"))["customer_update"]["address"] == "auto";
    let (delivery, address) =
        (text(&customer["shipping"]["address"], "country"), text(&customer["address"], "country"));
    let billing = purchase.billing.country.as_str();
    let shipping = purchase.shipping.as_ref().map_or("", |recipient| recipient.address.country.as_str());
    let countries =
        if takes_over { [shipping, billing, delivery, address] } else { [shipping, delivery, address, billing] };
    countries.into_iter().find(|country| !country.is_empty()).map(|country| Tax::of(country, exempt))
}

fn trial_ends(ctx: &mut Ctx<'_>, session: &Value) -> Option<i64> {
    let data = &sessions::internal_of(ctx, text(session, "id"))["subscription_data"];
    data["trial_end"].as_i64().or_else(|| Some(ctx.now + data["trial_period_days"].as_i64()? * DAY))
}

impl Figures {
    /// Fills in each line's part of the discount, and its tax.
    pub(crate) fn discount_and_tax(&mut self) {
        if let Some(applied) = &self.applied {
            // What a trial leaves for later is discounted then.
            let is_discounted = |line: &Line| self.is_today(line) && is_eligible(&applied.coupon, line);
            let weight = |line: &Line| if is_discounted(line) { line.subtotal } else { 0 };
            let weights: Vec<i64> = self.lines.iter().map(weight).collect();
            let off = off(&applied.coupon, &self.currency, weights.iter().sum());
            for (line, part) in self.lines.iter_mut().zip(pricing::split_in(off, &weights, &self.currency)) {
                line.discount = part;
            }
        }
        if let Some(tax) = &self.tax {
            for line in &mut self.lines {
                line.tax = tax.on(line.taxable(), line.is_inclusive, &self.currency);
            }
            if let Some(shipping) = &mut self.shipping {
                shipping.tax = tax.on(shipping.amount, shipping.is_inclusive, &self.currency);
            }
        }
    }

    pub(crate) fn subtotal(&self) -> i64 {
        self.lines.iter().map(|line| line.subtotal).sum()
    }

    /// Whether a line is paid today: in a trial, recurring ones are not.
    fn is_today(&self, line: &Line) -> bool {
        self.trial_ends.is_none() || !line.is_recurring()
    }

    fn today(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| self.is_today(line))
    }

    /// Due today.
    pub(crate) fn due(&self) -> i64 {
        self.today().map(Line::total).sum::<i64>() + self.shipping.as_ref().map_or(0, Shipping::total)
    }

    /// The most that is charged at once: today, or in a period after a trial.
    pub(crate) fn largest_charge(&self) -> i64 {
        self.due().max(self.lines.iter().filter(|line| line.is_recurring()).map(Line::total).sum())
    }

    pub(crate) fn discount_today(&self) -> i64 {
        self.today().map(|line| line.discount).sum()
    }

    pub(crate) fn subtotal_today(&self) -> i64 {
        self.today().map(|line| line.subtotal).sum()
    }

    /// All tax, that within prices counted.
    pub(crate) fn tax_today(&self) -> i64 {
        self.today().map(|line| line.tax).sum::<i64>() + self.shipping.as_ref().map_or(0, |shipping| shipping.tax)
    }

    /// What the page is told; `now` in seconds since the Unix epoch.
    pub(crate) fn quote(&self, now: i64) -> Quote {
        let lines = self.lines.iter().map(|line| QuotedLine {
            line_item_id: line.line_item_id.clone(),
            price_id: text(&line.price, "id").to_owned(),
            name: line.name.clone(),
            detail: line.detail.clone(),
            unit_label: line.unit_label.clone(),
            quantity: line.quantity,
            subtotal: line.subtotal,
            discount: line.discount,
            tax: line.tax,
            total: line.total(),
            optional: line.optional,
            tiers: pricing::tiers(&line.price, &self.currency, line.quantity),
            packages: pricing::packages(&line.price, line.quantity)
                .filter(|_| line.price["transform_quantity"].is_object()),
        });
        let coupon = self.applied.as_ref().map(|applied| &applied.coupon);
        let tax_included = self.tax_within_today();
        Quote {
            lines: lines.collect(),
            subtotal: self.subtotal(),
            waived: self.subtotal() - self.subtotal_today(),
            discount: self.discount_today(),
            shipping: self.shipping.as_ref().map_or(0, |shipping| shipping.amount),
            shipping_rate: self.shipping.as_ref().map(|shipping| shipping.rate.clone()),
            tax: self.tax_today() - tax_included,
            tax_included,
            tax_percent: self.tax.as_ref().map(|tax| tax.percent).filter(|percent| *percent > 0),
            total: self.due(),
            promotion_code: self.applied.as_ref().and_then(|applied| applied.code.clone()),
            coupon_name: coupon.and_then(|coupon| coupon["name"].as_str()).map(str::to_owned),
            percent_off: coupon.and_then(|coupon| crate::check::decimal(&coupon["percent_off"])),
            recurring: self.recurring(now),
        }
    }

    /// The tax of today that is within prices.
    fn tax_within_today(&self) -> i64 {
        let shipping =
            self.shipping.as_ref().filter(|shipping| shipping.is_inclusive).map_or(0, |shipping| shipping.tax);
        self.today().filter(|line| line.is_inclusive).map(|line| line.tax).sum::<i64>() + shipping
    }

    fn recurring(&self, now: i64) -> Option<Recurring> {
        let first = self.lines.iter().find(|line| line.is_recurring())?;
        let mut later = Figures { trial_ends: None, shipping: None, ..self.clone() };
        later.lines.retain(Line::is_recurring);
        // A discount that is given once is not there in the periods after.
        later.applied = later.applied.filter(|applied| applied.coupon["duration"] != "once");
        for line in &mut later.lines {
            line.discount = 0;
        }
        later.discount_and_tax();
        let (interval, interval_count) = subscriptions::period_of(&first.price);
        Some(Recurring {
            next_payment: self.trial_ends.or_else(|| subscriptions::after(now, &interval, interval_count)),
            interval,
            interval_count,
            total: later.due(),
            trial_ends: self.trial_ends,
        })
    }

    /// Writes the figures into a session.
    pub(crate) fn write(&self, session: &mut Value) {
        let shipping = self.shipping.as_ref();
        session["amount_subtotal"] = self.subtotal_today().into();
        session["amount_total"] = self.due().into();
        session["total_details"] = json!({
            "amount_discount": self.discount_today(),
            "amount_shipping": shipping.map_or(0, |shipping| shipping.amount),
            "amount_tax": self.tax_today(),
            "breakdown": {"discounts": self.discounts_to_json(self.discount_today()),
                "taxes": self.taxes_to_json()},
        });
        session["shipping_cost"] = shipping.map_or(Value::Null, |shipping| {
            json!({"amount_subtotal": shipping.amount, "amount_tax": shipping.tax, "amount_total": shipping.total(),
                "shipping_rate": shipping.rate})
        });
    }

    fn taxes_to_json(&self) -> Vec<Value> {
        let Some(tax) = &self.tax else { return Vec::new() };
        [false, true]
            .into_iter()
            .filter_map(|is_inclusive| {
                let lines = || self.today().filter(|line| line.is_inclusive == is_inclusive);
                let shipping = self.shipping.iter().filter(|shipping| shipping.is_inclusive == is_inclusive);
                let of_shipping = shipping.fold((0, 0), |sum, s| (sum.0 + s.tax, sum.1 + s.amount));
                let amount = lines().map(|line| line.tax).sum::<i64>() + of_shipping.0;
                let taxable = lines().map(Line::taxable).sum::<i64>() + of_shipping.1;
                (taxable > 0).then(|| tax.to_json(amount, taxable, is_inclusive))
            })
            .collect()
    }

    fn discounts_to_json(&self, amount: i64) -> Value {
        match self.applied.as_ref().filter(|_| amount > 0) {
            None => json!([]),
            Some(applied) => json!([{"amount": amount, "discount": {"id": applied.id, "object": "discount",
                "promotion_code": applied.promotion, "source": {"coupon": applied.coupon["id"], "type": "coupon"}}}]),
        }
    }

    /// The line items that the session has after payment, each with its own amounts.
    pub(crate) fn line_items(&self, before: &[LineItem]) -> Vec<LineItem> {
        let line_item = |line: &Line| {
            let known = before.iter().find(|item| item.id == line.line_item_id);
            let today = self.is_today(line);
            let amount = |amount: i64| if today { amount } else { 0 };
            LineItem {
                id: known.map_or_else(|| crate::ids::new("li"), |item| item.id.clone()),
                price: text(&line.price, "id").to_owned(),
                quantity: line.quantity,
                amount: amount(line.subtotal),
                discount: amount(line.discount),
                tax: amount(line.tax),
                total: amount(line.total()),
                currency: self.currency.clone(),
                description: line.name.clone(),
                detail: line.detail.clone(),
                adjustable_quantity: known.map_or(Value::Null, |item| item.adjustable_quantity.clone()),
                metadata: known.map_or(Value::Null, |item| item.metadata.clone()),
                discounts: self.discounts_to_json(amount(line.discount)),
                taxes: match &self.tax {
                    Some(tax) if today => json!([tax.to_json(line.tax, line.taxable(), line.is_inclusive)]),
                    _ => json!([]),
                },
            }
        };
        self.lines.iter().map(line_item).collect()
    }
}

/// What a coupon takes off of a sum.
fn off(coupon: &Value, currency: &str, sum: i64) -> i64 {
    match crate::check::decimal(&coupon["percent_off"]) {
        Some(percent) => {
            let off = percent
                .checked_mul(sum.into())
                .and_then(|off| pricing::round(off / rust_decimal::Decimal::ONE_HUNDRED, currency));
            off.unwrap_or_default()
        }
        None => coupons::amount_off(coupon, currency).unwrap_or_default().min(sum),
    }
}
