//! Events.

use super::{Manner, Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[Noun {
    name: "event",
    about: "Events: what happened, in an order that never changes",
    columns: &[("CURSOR", "cursor"), ("AT", "create_time"), ("TYPE", "type"), ("SUBJECT", "subject.id")],
    verbs: &[
        Verb::new("list", "EventService.ListEvents"),
        Verb::new("tail", "EventService.StreamEvents").manner(Manner::Tail),
    ],
}];
