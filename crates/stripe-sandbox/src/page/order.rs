//! What is ordered: the lines and what they cost, what the customer can choose among them, and what it comes to.

use maud::{Markup, html};

use super::Checkout;
use super::amount::unit_amount;
use super::ask::{Line, Mode, Pricing, Rate, Tier};
use super::field::{self, Text};
use super::words::fill;
use crate::purchase::QuotedLine;

pub(super) fn summary(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    html! {
        section.summary aria-labelledby="heading" {
            @if let Some(url) = &ask.cancel_url { a.back href=(url) { "← " (words.back) } }
            h1.large[ask.mode == Mode::Setup || view.awaits_amount()] id="heading" { (view.heading()) }
            (headline(view))
            @if ask.mode == Mode::Setup { p.every { (words.nothing_charged) } }
            @if ask.mode != Mode::Setup {
                ul.items aria-label=(words.order) {
                    @for line in &ask.lines { (item(view, line)) }
                    @for line in taken(view) { (taken_item(view, line)) }
                }
                (optional_items(view))
                (promotion_code(view))
                (shipping(view))
                @if ask.has_choices() {
                    @if ask.automatic_tax { p.hint { (words.tax_by_address) } }
                    button.secondary.update type="submit" name="action" value="update" { (words.update) }
                }
                @if !view.awaits_amount() { (figures(view)) }
            }
        }
    }
}

/// The amount, large, and what comes after it.
fn headline(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let recurring = view.quote.recurring.as_ref();
    let period = recurring.map(|r| (view.money(r.total), words.every(&r.interval, r.interval_count)));
    html! {
        @match (view.trial_days(), period) {
            (Some(days), Some((amount, every))) => {
                // What is not of the trial is due today all the same.
                p.total { @if view.quote.total > 0 { (view.money(view.quote.total)) } @else { (words.trial(days)) } }
                p.every {
                    @if view.quote.total > 0 { (words.trial(days)) ". " }
                    (fill(&fill(words.then, &amount), &every))
                }
            }
            (None, Some((amount, every))) => {
                p.total { (view.money(view.quote.total)) }
                p.every {
                    // The first payment is as the later ones, or it is told apart from them.
                    @if recurring.is_some_and(|r| r.total == view.quote.total) { (every) }
                    @else { (fill(&fill(words.then, &amount), &every)) }
                }
            }
            _ => @if view.ask.mode != Mode::Setup && !view.awaits_amount() {
                p.total { (view.money(view.quote.total)) }
            }
        }
    }
}

fn item(view: &Checkout<'_>, line: &Line) -> Markup {
    let words = view.words();
    let name = format!("quantity.{}", line.id);
    let quoted = view.quote.lines.iter().find(|quoted| quoted.line_item_id == line.id);
    html! {
        li {
            div.what {
                span.name { (line.name) }
                @if let Some(detail) = &line.detail { span.detail { (detail) } }
                (price(view, line))
                @if let Some((least, most)) = line.adjustable {
                    (quantity(view, &name, line, (least, most), false))
                } @else if line.quantity > 1 {
                    span.detail { (words.quantity) " " (line.quantity) }
                }
                @if line.is_custom() { (custom_amount(view, line)) }
            }
            @if let Some(quoted) = quoted.filter(|_| !line.is_custom() || !view.awaits_amount()) {
                span.amount { (view.money(quoted.subtotal)) }
            }
        }
    }
}

/// A field for a quantity. None is always a choice for what is only offered: the least is of those that take it.
fn quantity(view: &Checkout<'_>, name: &str, line: &Line, (least, most): (i64, i64), is_offered: bool) -> Markup {
    let words = view.words();
    let hint = if is_offered && least > 1 { words.none_or_between } else { words.between };
    let lowest = if is_offered { 0 } else { least };
    let first = if is_offered && least == 1 { 0 } else { least };
    html! {
        div.quantity {
            label for=(name) { (words.quantity) span.hidden { " " (line.name) } }
            input id=(name) name=(name) type="number" inputmode="numeric" autocomplete="off" min=(lowest) max=(most) step="1"
                value=(view.raw.get(name)) aria-invalid=[field::invalid(view, name)]
                aria-describedby=[field::described(view, name, true)];
            span.hint id={ (name) "-hint" } { (fill(&fill(hint, &first.to_string()), &most.to_string())) }
            (field::error(view, name))
        }
    }
}

/// A line of an optional item that was taken: its field stands below, among those that can be taken.
fn taken_item(view: &Checkout<'_>, line: &QuotedLine) -> Markup {
    html! {
        li {
            div.what {
                span.name { (line.name) }
                @if line.quantity > 1 { span.detail { (view.words().quantity) " " (line.quantity) } }
            }
            span.amount { (view.money(line.subtotal)) }
        }
    }
}

fn taken<'a>(view: &Checkout<'a>) -> impl Iterator<Item = &'a QuotedLine> {
    view.quote.lines.iter().filter(|line| line.optional && line.quantity > 0)
}

/// What one costs; an amount alone says it already where there is one, paid once.
fn price(view: &Checkout<'_>, line: &Line) -> Markup {
    let words = view.words();
    let money = |minor| unit_amount(minor, &view.ask.currency, view.locale);
    let told = match &line.pricing {
        Pricing::Unit(amount) if line.quantity > 1 || line.adjustable.is_some() => match &line.unit_label {
            Some(unit) => Some(fill(&fill(words.per_package, &money(*amount)), unit)),
            None => Some(fill(words.each, &money(*amount))),
        },
        Pricing::Unit(amount) => line.every.is_some().then(|| money(*amount)),
        Pricing::Package { amount, size } => {
            let package = match &line.unit_label {
                Some(unit) => format!("{size} {unit}"),
                None => size.to_string(),
            };
            Some(fill(&fill(words.per_package, &money(*amount)), &package))
        }
        Pricing::Tiers(tiers) => {
            tiers.iter().filter_map(|tier| tier.unit).min().map(|least| fill(words.from, &money(least)))
        }
        Pricing::Custom { .. } => None,
    };
    // Not `each each month`.
    let is_each = match line.pricing {
        Pricing::Unit(_) => line.unit_label.is_none() && (line.quantity > 1 || line.adjustable.is_some()),
        Pricing::Tiers(_) => true,
        _ => false,
    };
    let every = line.every.as_ref().map(|(interval, count)| words.every(interval, *count));
    html! {
        @if told.is_some() || every.is_some() {
            span.detail {
                (told.unwrap_or_default())
                @if let Some(every) = every { @if is_each { "," } " " (every) }
            }
        }
        @if let Pricing::Tiers(tiers) = &line.pricing { (tier_table(view, tiers)) }
    }
}

fn tier_table(view: &Checkout<'_>, tiers: &[Tier]) -> Markup {
    let words = view.words();
    let money = |minor| unit_amount(minor, &view.ask.currency, view.locale);
    html! {
        details.tiers {
            summary { (words.tiers) }
            table {
                @for tier in tiers {
                    tr {
                        th scope="row" {
                            @match tier.up_to { Some(end) => (fill(words.tier_to, &end.to_string())), None => (words.tier_above) }
                        }
                        td {
                            @if let Some(unit) = tier.unit { (fill(words.each, &money(unit))) }
                            @if tier.unit.is_some() && tier.flat.is_some() { " + " }
                            @if let Some(flat) = tier.flat { (fill(words.flat, &money(flat))) }
                        }
                    }
                }
            }
        }
    }
}

fn custom_amount(view: &Checkout<'_>, line: &Line) -> Markup {
    let words = view.words();
    let Pricing::Custom { minimum, maximum, .. } = &line.pricing else { return html! {} };
    let hint = Some(fill(&fill(words.custom_hint, &view.money(*minimum)), &view.money(*maximum)));
    let label = format!("{} ({})", words.label("custom_amount"), view.ask.currency.to_ascii_uppercase());
    let about = Text { label: Some(&label), keyboard: Some("decimal"), hint, ..Text::default() };
    field::text(view, "custom_amount", &about)
}

fn optional_items(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    html! {
        @if !view.ask.optional.is_empty() {
            fieldset.optional-items {
                legend { (words.optional_items) }
                @for line in &view.ask.optional {
                    div.offer {
                        div.what {
                            span.name { (line.name) }
                            @if let Some(detail) = &line.detail { span.detail { (detail) } }
                            (offered_price(view, line))
                        }
                        (offer_field(view, line))
                    }
                }
            }
        }
    }
}

/// The price of what is not taken yet: nothing else tells its amount.
fn offered_price(view: &Checkout<'_>, line: &Line) -> Markup {
    match &line.pricing {
        Pricing::Unit(amount) if line.every.is_none() && line.quantity == 1 && line.adjustable.is_none() => {
            html! { span.detail { (unit_amount(*amount, &view.ask.currency, view.locale)) } }
        }
        _ => html! {
            (price(view, line))
            @if line.quantity > 1 && line.adjustable.is_none() { span.detail { (view.words().quantity) " " (line.quantity) } }
        },
    }
}

fn offer_field(view: &Checkout<'_>, line: &Line) -> Markup {
    let name = format!("optional.{}", line.id);
    match line.adjustable {
        Some(bounds) => quantity(view, &name, line, bounds, true),
        None => html! {
            div.take {
                input id=(name) name=(name) type="checkbox" value=(line.quantity) checked[view.raw.is_checked(&name)]
                    aria-describedby=[field::described(view, &name, false)];
                label for=(name) { (view.words().add) span.hidden { " " (line.name) } }
                (field::error(view, &name))
            }
        },
    }
}

fn promotion_code(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let name = "promotion_code";
    let code = view.raw.get(name);
    html! {
        @if view.ask.promotion_codes {
            @if let Some(code) = &view.quote.promotion_code {
                div.applied id=(name) tabindex="-1" {
                    input type="hidden" name=(name) value=(code);
                    span { strong { (code) } " " (words.code_applies) }
                    button.quiet type="submit" name="action" value="remove_code"
                        aria-describedby=[field::described(view, name, false)] { (words.remove) span.hidden { " " (code) } }
                    (field::error(view, name))
                }
            } @else {
                div.field {
                    label for=(name) { (words.label(name)) }
                    div.joined {
                        input id=(name) name=(name) autocomplete="off" autocapitalize="characters" spellcheck="false"
                            maxlength="200" value=(code) aria-invalid=[field::invalid(view, name)]
                            aria-describedby=[field::described(view, name, false)];
                        button.secondary type="submit" name="action" value="update" { (words.apply) }
                    }
                    (field::error(view, name))
                }
            }
        }
    }
}

fn shipping(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let rates = &view.ask.shipping_rates;
    let chosen = match view.raw.get("shipping_rate") {
        "" => rates.first().map_or("", |rate| rate.id.as_str()),
        chosen => chosen,
    };
    html! {
        @if !rates.is_empty() {
            fieldset.rates id="shipping_rate" aria-describedby=[field::described(view, "shipping_rate", false)] {
                legend { (words.shipping) }
                @for rate in rates { (rate_choice(view, rate, rate.id == chosen)) }
                (field::error(view, "shipping_rate"))
            }
        }
    }
}

fn rate_choice(view: &Checkout<'_>, rate: &Rate, chosen: bool) -> Markup {
    let words = view.words();
    let id = format!("shipping_rate.{}", rate.id);
    html! {
        div.choice {
            input id=(id) name="shipping_rate" type="radio" value=(rate.id) checked[chosen];
            label for=(id) {
                span.name { (rate.name) }
                @if let Some(time) = words.estimate(rate.soonest.as_ref(), rate.latest.as_ref()) { span.detail { (time) } }
            }
            span.amount { @if rate.amount == 0 { (words.free) } @else { (view.money(rate.amount)) } }
        }
    }
}

fn figures(view: &Checkout<'_>) -> Markup {
    let (words, quote) = (view.words(), view.quote);
    // Tax that is in the prices is told and not added; what of it is in the shipping, the quote does not tell.
    let within: i64 = quote.lines.iter().map(|line| line.tax).sum();
    let is_within = quote.tax == 0 && quote.shipping == 0 && within != 0;
    let waived = quote.subtotal - quote.discount + quote.shipping + quote.tax - quote.total;
    let parts = quote.discount != 0 || quote.tax != 0 || !view.ask.shipping_rates.is_empty();
    let total = if view.ask.mode == Mode::Subscription { words.due_today } else { words.total };
    html! {
        div.figures {
            @if parts { (row(words.subtotal, &view.money(quote.subtotal))) }
            @if quote.discount != 0 { (row(words.discount, &view.money(-quote.discount))) }
            @if !view.ask.shipping_rates.is_empty() {
                (row(words.shipping, &if quote.shipping == 0 { words.free.to_owned() } else { view.money(quote.shipping) }))
            }
            @if quote.tax != 0 { (row(words.tax, &view.money(quote.tax))) }
            @if let Some(days) = view.trial_days().filter(|_| waived > 0) { (row(&words.trial(days), &view.money(-waived))) }
            div.sum { span { (total) } span.amount { (view.money(quote.total)) } }
            @if is_within { (row(words.tax_included, &view.money(within))) }
        }
    }
}

fn row(label: &str, amount: &str) -> Markup {
    html! { div.row { span { (label) } span.amount { (amount) } } }
}
