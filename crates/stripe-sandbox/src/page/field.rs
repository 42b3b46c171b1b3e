//! One field of the form: its label, what stands in it, its hint and what is wrong with it, tied together for those who
//! hear the page.

use maud::{Markup, html};

use super::Checkout;
use super::form::VALUE_CHARS_MAX;

/// A field in which something is written.
#[derive(Default)]
pub(super) struct Text<'a> {
    /// What the field is called, where its name alone does not say.
    pub(super) label: Option<&'a str>,
    /// The kind of input; plain text where not said.
    pub(super) kind: Option<&'a str>,
    pub(super) autocomplete: Option<&'a str>,
    pub(super) keyboard: Option<&'a str>,
    pub(super) placeholder: Option<&'a str>,
    pub(super) hint: Option<String>,
    /// Stands in brackets behind the label.
    pub(super) note: &'a str,
    pub(super) optional: bool,
    /// It can be read and not changed.
    pub(super) locked: bool,
    /// Needed or not by what else is entered, as the hint tells.
    pub(super) conditional: bool,
    /// What was entered is never shown again.
    pub(super) secret: bool,
    /// In characters.
    pub(super) longest: Option<i64>,
}

pub(super) fn text(view: &Checkout<'_>, name: &str, about: &Text<'_>) -> Markup {
    let value = if about.secret { "" } else { view.raw.get(name) };
    // What is wrong says more than a hint, and takes its place.
    let hint = about.hint.as_ref().filter(|_| view.problems.of(name).is_none());
    html! {
        div.field {
            (label(view, name, about.label, if about.optional { view.words().optional } else { about.note }))
            input id=(name) name=(name) type=(about.kind.unwrap_or("text")) value=(value) required[!about.optional && !about.conditional]
                readonly[about.locked] autocomplete=(about.autocomplete.unwrap_or("off")) inputmode=[about.keyboard] placeholder=[about.placeholder]
                maxlength=(about.longest.unwrap_or(VALUE_CHARS_MAX as i64))
                aria-invalid=[invalid(view, name)] aria-describedby=[described(view, name, hint.is_some())];
            @if let Some(hint) = hint { p.hint id={ (name) "-hint" } { (hint) } }
            (error(view, name))
        }
    }
}

/// A field in which one of several is chosen: values and what they are called.
pub(super) fn select<'a>(
    view: &Checkout<'_>,
    name: &str,
    (called, autocomplete, optional): (Option<&str>, &str, bool),
    options: impl Iterator<Item = (&'a str, &'a str)>,
    fallback: &str,
) -> Markup {
    let chosen = if view.raw.get(name).is_empty() { fallback } else { view.raw.get(name) };
    html! {
        div.field {
            (label(view, name, called, if optional { view.words().optional } else { "" }))
            select id=(name) name=(name) autocomplete=(autocomplete) required[!optional]
                aria-invalid=[invalid(view, name)] aria-describedby=[described(view, name, false)] {
                @if fallback.is_empty() { option value="" { (view.words().choose) } }
                @for (value, label) in options { option value=(value) selected[value == chosen] { (label) } }
            }
            (error(view, name))
        }
    }
}

/// A box to tick; `hint` may be empty.
pub(super) fn checkbox(view: &Checkout<'_>, name: &str, label: &str, hint: &str) -> Markup {
    html! {
        div.field.check {
            input id=(name) name=(name) type="checkbox" value="yes" checked[view.raw.is_checked(name)]
                aria-invalid=[invalid(view, name)] aria-describedby=[described(view, name, !hint.is_empty())];
            label for=(name) { (label) }
            @if !hint.is_empty() { p.hint id={ (name) "-hint" } { (hint) } }
            (error(view, name))
        }
    }
}

fn label(view: &Checkout<'_>, name: &str, called: Option<&str>, note: &str) -> Markup {
    html! {
        label for=(name) {
            (called.unwrap_or(view.words().label(name)))
            @if !note.is_empty() { " " span.optional { "(" (note) ")" } }
        }
    }
}

pub(super) fn error(view: &Checkout<'_>, name: &str) -> Markup {
    html! { @if let Some(said) = view.problem(name) { p.error id={ (name) "-error" } { (said) } } }
}

pub(super) fn invalid(view: &Checkout<'_>, name: &str) -> Option<&'static str> {
    view.problems.of(name).map(|_| "true")
}

pub(super) fn described(view: &Checkout<'_>, name: &str, hinted: bool) -> Option<String> {
    match (hinted, view.problems.of(name).is_some()) {
        (true, true) => Some(format!("{name}-hint {name}-error")),
        (true, false) => Some(format!("{name}-hint")),
        (false, true) => Some(format!("{name}-error")),
        (false, false) => None,
    }
}
