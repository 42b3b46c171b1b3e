//! The amount that a page begins with, and what comes after it: a trial's end, the next payment.

use maud::{Markup, html};

use super::words::{Words, fill_all};
use crate::purchase::Recurring;

/// `total` is due today, in minor units; `trial_days` are free.
pub(super) fn headline(
    words: &Words,
    money: &dyn Fn(i64) -> String,
    (total, recurring, trial_days): (i64, Option<&Recurring>, Option<i64>),
) -> Markup {
    let Some(recurring) = recurring else { return html! { p.total { (money(total)) } } };
    let (later, every) = (money(recurring.total), words.every(&recurring.interval, recurring.interval_count));
    let next = recurring.next_payment.map(|at| words.date(at));
    html! {
        @match (trial_days, &next) {
            (Some(days), Some(end)) => {
                // What is not of the trial is due today all the same.
                p.total { @if total > 0 { (money(total)) } @else { (words.trial(days)) } }
                p.every {
                    @if total > 0 { (words.trial(days)) ". " }
                    (fill_all(words.until_then, &[end, &later, &every]))
                }
            }
            // The first payment is as the later ones, or it is told apart from them.
            _ if recurring.total == total => {
                p.total { (money(total)) " " span.per { (every) } }
                @if let Some(next) = &next { p.every { (fill_all(words.next_payment, &[next])) } }
            }
            _ => {
                p.total { (money(total)) }
                p.every {
                    @match &next {
                        Some(next) => (fill_all(words.then_from, &[&later, &every, next])),
                        None => (fill_all(words.then_plain, &[&later, &every])),
                    }
                }
            }
        }
    }
}
