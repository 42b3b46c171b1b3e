//! What is measured, a module each.

mod create_link;
mod events;
mod memory;
mod pages;
mod read_link;
mod sandbox;
mod size;
mod start;
mod tax;
mod webhook;

use futures::future::BoxFuture;

use anyhow::Result;

use crate::Setup;
use crate::figure::Figure;

/// Measures one or more figures.
type Row = for<'a> fn(&'a Setup) -> BoxFuture<'a, Result<Vec<Figure>>>;

/// All of them, by name; a figure's name begins with its row's.
pub(crate) const ALL: [(&str, Row); 12] = [
    ("get-link-1", |setup| Box::pin(read_link::alone(setup))),
    ("get-link-64", |setup| Box::pin(read_link::together(setup))),
    ("create-link-0ms", |setup| Box::pin(create_link::throughput(setup))),
    ("create-link-120ms", |setup| Box::pin(create_link::added(setup))),
    ("webhook", |setup| Box::pin(webhook::stored(setup))),
    ("event", |setup| Box::pin(events::delivered(setup))),
    ("page", |setup| Box::pin(pages::of_a_long_list(setup))),
    ("memory", |setup| Box::pin(memory::resident(setup))),
    ("start", |setup| Box::pin(start::first_answer(setup))),
    ("sandbox", |setup| Box::pin(sandbox::links_created(setup))),
    ("tax", |setup| Box::pin(tax::of_a_thousand_lines(setup))),
    ("size", |setup| Box::pin(size::of_the_binary(setup))),
];
