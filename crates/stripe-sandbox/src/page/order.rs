//! What is ordered: the lines and what they cost, what the customer can choose among them, and what it comes to.

use maud::{Markup, html};

use super::Checkout;
use super::amount::{currency_name, unit_amount};
use super::checkout_form::{Line, Mode, Pricing, Rate, Tier};
use super::field::{self, Text};
use super::period;
use super::sums::Sums;
use super::words::{fill, fill_all};
use crate::purchase::QuotedLine;

pub(super) fn summary(view: &Checkout<'_>) -> Markup {
    let (words, form) = (view.words(), view.form);
    html! {
        section.summary aria-labelledby="heading" {
            @if let Some(url) = &form.cancel_url { a.back href=(url) { "← " (words.back) } }
            h1.large[form.mode == Mode::Setup || view.awaits_amount()] id="heading" { (view.heading()) }
            (headline(view))
            @if form.mode == Mode::Setup { p.every { (words.nothing_charged) } }
            @if form.mode != Mode::Setup {
                ul.items aria-label=(words.order) {
                    @for line in &form.lines { (item(view, line)) }
                    @for line in taken(view) { (taken_item(view, line)) }
                }
                (optional_items(view))
                (promotion_code(view))
                (shipping(view))
                @if form.has_choices() {
                    @if form.automatic_tax { p.hint { (words.tax_by_country) } }
                    (update(view))
                }
                @if !view.awaits_amount() { (figures(view)) }
            }
        }
    }
}

/// Asks for the figures again; what changes them may stand anywhere on the page.
pub(super) fn update(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    html! {
        button.secondary.update type="submit" name="action" value="update" {
            @if view.awaits_amount() { (words.show_total) } @else { (words.update) }
        }
    }
}

/// The amount, large, and what comes after it.
fn headline(view: &Checkout<'_>) -> Markup {
    let quote = view.quote;
    let shown = view.form.mode != Mode::Setup && !view.awaits_amount();
    let due = (quote.total, quote.recurring.as_ref(), view.trial_days());
    html! { @if shown { (period::headline(view.words(), &|minor| view.money(minor), due)) } }
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
                (price(view, line, quoted))
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
            span.hint id={ (name) "-hint" } { (fill_all(hint, &[&first.to_string(), &most.to_string()])) }
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

/// What one costs; an amount alone says it already where there is one, paid once. `quoted` is the line as it is counted,
/// where it is.
fn price(view: &Checkout<'_>, line: &Line, quoted: Option<&QuotedLine>) -> Markup {
    let words = view.words();
    let money = |minor| unit_amount(minor, &view.form.currency, view.locale);
    let is_counted = line.quantity > 1 || line.adjustable.is_some();
    // What is for each of something, a period follows otherwise than an amount alone.
    let (price_text, is_each) = match &line.pricing {
        Pricing::Unit(amount) if is_counted => match &line.unit_label {
            Some(unit) => (Some(fill_all(words.per_unit, &[&money(*amount), unit])), true),
            None => (Some(fill_all(words.each, &[&money(*amount)])), true),
        },
        Pricing::Unit(amount) => (line.every.is_some().then(|| money(*amount)), false),
        Pricing::Package { amount, size, is_begun_paid } => {
            let package = line.unit_label.as_ref().map_or_else(|| size.to_string(), |unit| format!("{size} {unit}"));
            let template = if *is_begun_paid { words.per_package_begun } else { words.per_package_whole };
            let price_text = fill_all(template, &[&money(*amount), &package, &size.to_string()]);
            let packages = quoted.and_then(|quoted| quoted.packages).map(|count| words.packages(count));
            (Some([price_text].into_iter().chain(packages).collect::<Vec<_>>().join("; ")), true)
        }
        Pricing::Tiers { tiers, .. } => (tiered(view, tiers, quoted), true),
        Pricing::Custom { .. } => (None, false),
    };
    let every = line.every.as_ref().map(|(interval, count)| match is_each {
        true => words.every_of_each(interval, *count),
        false => words.every(interval, *count),
    });
    html! {
        @if price_text.is_some() || every.is_some() {
            span.detail {
                (price_text.unwrap_or_default())
                @if let Some(every) = every { " " (every) }
            }
        }
        @if let Pricing::Tiers { tiers, is_volume } = &line.pricing { (tier_table(view, tiers, *is_volume)) }
    }
}

/// The price of the tier that all is at, or the least that some of it is at.
fn tiered(view: &Checkout<'_>, tiers: &[Tier], quoted: Option<&QuotedLine>) -> Option<String> {
    let counted = quoted.and_then(|quoted| tiers.get(quoted.tiers.clone())).filter(|counted| !counted.is_empty());
    match counted {
        Some([only]) => Some(tier_price(view, only)),
        _ => {
            let least = counted.unwrap_or(tiers).iter().filter_map(|tier| tier.unit).min()?;
            Some(fill(view.words().from, &unit_amount(least, &view.form.currency, view.locale)))
        }
    }
}

fn tier_price(view: &Checkout<'_>, tier: &Tier) -> String {
    let words = view.words();
    let money = |minor| unit_amount(minor, &view.form.currency, view.locale);
    let unit = tier.unit.map(|unit| fill(words.each, &money(unit)));
    let flat = tier.flat.map(|flat| fill(words.flat, &money(flat)));
    unit.into_iter().chain(flat).collect::<Vec<_>>().join(" + ")
}

fn tier_table(view: &Checkout<'_>, tiers: &[Tier], is_volume: bool) -> Markup {
    let words = view.words();
    let firsts = std::iter::once(1).chain(tiers.iter().filter_map(|tier| tier.up_to).map(|end| end + 1));
    html! {
        details.tiers {
            summary { (words.tiers) }
            table {
                @for (tier, first) in tiers.iter().zip(firsts) {
                    tr {
                        th scope="row" {
                            @match tier.up_to {
                                Some(end) if end == first => (end),
                                Some(end) => { (first) "–" (end) }
                                None => (fill(words.tier_above, &first.to_string())),
                            }
                        }
                        td { (tier_price(view, tier)) }
                    }
                }
            }
            p.note { (if is_volume { words.volume_note } else { words.graduated_note }) }
        }
    }
}

fn custom_amount(view: &Checkout<'_>, line: &Line) -> Markup {
    let words = view.words();
    let Pricing::Custom { minimum, maximum, .. } = &line.pricing else { return html! {} };
    let hint = Some(fill_all(words.custom_hint, &[&view.money(*minimum), &view.money(*maximum)]));
    let label = format!("{} ({})", words.label("custom_amount"), currency_name(&view.form.currency, view.locale));
    let about = Text { label: Some(&label), keyboard: Some("decimal"), hint, ..Text::default() };
    field::text(view, "custom_amount", &about)
}

fn optional_items(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    html! {
        @if !view.form.optional.is_empty() {
            fieldset.optional-items {
                legend { (words.optional_items) }
                @for line in &view.form.optional {
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
            html! { span.detail { (unit_amount(*amount, &view.form.currency, view.locale)) } }
        }
        _ => html! {
            (price(view, line, taken(view).find(|taken| taken.price_id == line.id)))
            @if line.quantity > 1 && line.adjustable.is_none() { span.detail { (view.words().quantity) " " (line.quantity) } }
        },
    }
}

fn offer_field(view: &Checkout<'_>, line: &Line) -> Markup {
    let name = format!("optional.{}", line.id);
    match line.adjustable {
        Some(bounds) => quantity(view, &name, line, bounds, true),
        // What was taken is ticked, and called so.
        None => html! {
            div.take {
                input id=(name) name=(name) type="checkbox" value=(line.quantity) checked[view.raw.is_checked(&name)]
                    aria-describedby=[field::described(view, &name, false)];
                label for=(name) {
                    (if taken(view).any(|taken| taken.price_id == line.id) { view.words().added } else { view.words().add })
                    span.hidden { " " (line.name) }
                }
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
        @if view.form.promotion_codes {
            @if let Some(code) = &view.quote.promotion_code {
                div.applied id=(name) tabindex="-1" {
                    input type="hidden" name=(name) value=(code);
                    span { (fill(words.code_applies, code)) }
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
    let rates = &view.form.shipping_rates;
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
    let words = view.words();
    let total = if view.form.mode == Mode::Subscription { words.due_today } else { words.total };
    html! { div.figures { (Sums::of_quote(view).rows(total, &view.form.currency, view.locale)) } }
}
