//! The commands: for each kind of thing, what can be done with it, by which method. A line here makes a command, whose flags are
//! the fields of the method's request.

mod catalog;
mod checkouts;
mod customers;
mod events;
mod invoices;
mod links;
mod payments;
mod providers;
mod subscriptions;
mod tax;

/// Every kind of thing, in the order of the help.
pub(crate) fn all() -> impl Iterator<Item = &'static Noun> {
    [
        catalog::NOUNS,
        customers::NOUNS,
        invoices::NOUNS,
        links::NOUNS,
        checkouts::NOUNS,
        payments::NOUNS,
        subscriptions::NOUNS,
        tax::NOUNS,
        events::NOUNS,
        providers::NOUNS,
    ]
    .into_iter()
    .flatten()
}

/// The kind of thing of that name.
pub(crate) fn find(name: &str) -> Option<&'static Noun> {
    all().find(|noun| noun.name == name)
}

/// A kind of thing.
pub(crate) struct Noun {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// What a list of such things shows.
    pub(crate) columns: &'static [Column],
    pub(crate) verbs: &'static [Verb],
}

/// A column of a list: its heading, and the field that it shows, fields within fields with full stops between them.
pub(crate) type Column = (&'static str, &'static str);

/// What can be done with a thing.
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    /// Its method, such as `InvoiceService.GetInvoice`.
    pub(crate) method: &'static str,
    /// The field of the request that is given without a flag.
    pub(crate) subject: Option<&'static str>,
    /// The fields that an update can change.
    pub(crate) changes: &'static [&'static str],
    /// What a list shows, where that is not the noun's own thing.
    pub(crate) columns: Option<&'static [Column]>,
    pub(crate) manner: Manner,
}

/// What is particular about a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Nothing: a call, and its answer.
    Plain,
    /// Lines can be given in short.
    InvoiceItems,
    /// Items can be given in short.
    LinkItems,
    /// The answer is a file.
    Document,
    /// The answer is shown as a QR code of its URL.
    QrCode,
    /// The answer goes on until someone stops it.
    Tail,
}

impl Verb {
    const fn new(name: &'static str, method: &'static str) -> Self {
        Self { name, method, subject: None, changes: &[], columns: None, manner: Manner::Plain }
    }

    /// For the thing whose id, or what else names it, is given without a flag.
    const fn of(self, field: &'static str) -> Self {
        Self { subject: Some(field), ..self }
    }

    /// For the thing with that id.
    const fn by_id(self) -> Self {
        self.of("id")
    }

    const fn changing(self, changes: &'static [&'static str]) -> Self {
        Self { subject: Some("id"), changes, ..self }
    }

    const fn showing(self, columns: &'static [Column]) -> Self {
        Self { columns: Some(columns), ..self }
    }

    const fn manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::{method, pool, sole_field, updated_field};

    #[test]
    fn every_method_has_a_command_and_every_command_its_method() {
        let ours: BTreeSet<String> =
            all().flat_map(|noun| noun.verbs).map(|verb| method(verb.method).full_name().to_owned()).collect();
        let contract: BTreeSet<String> = pool()
            .services()
            .flat_map(|service| service.methods().map(|it| it.full_name().to_owned()).collect::<Vec<_>>())
            .collect();
        assert_eq!(contract.difference(&ours).collect::<Vec<_>>(), Vec::<&String>::new());
        assert_eq!(contract.len(), ours.len());
    }

    #[test]
    fn what_the_table_names_is_in_the_contract() {
        for noun in all() {
            for verb in noun.verbs {
                let method = method(verb.method);
                let changed = updated_field(&method.input()).map(|field| field.kind().as_message().unwrap().clone());
                let what = format!("{} {}", noun.name, verb.name);
                if let Some(subject) = verb.subject {
                    let holds =
                        |message: &prost_reflect::MessageDescriptor| message.get_field_by_name(subject).is_some();
                    assert!(holds(&method.input()) || changed.as_ref().is_some_and(holds), "{what}");
                }
                for field in verb.changes {
                    assert!(changed.as_ref().unwrap().get_field_by_name(field).is_some(), "{what} {field}");
                }
                assert_eq!(changed.is_some(), !verb.changes.is_empty(), "{what}");
                if !crate::contract::is_list(&method) {
                    continue;
                }
                let item = method.output().fields().next().unwrap().kind();
                for (_, path) in verb.columns.unwrap_or(noun.columns) {
                    let mut messages = vec![item.as_message().unwrap().clone()];
                    for name in path.split('.') {
                        let named = |message: prost_reflect::MessageDescriptor| {
                            let choice = message.oneofs().find(|choice| choice.name() == name);
                            let fields: Vec<_> = match choice {
                                Some(choice) => choice.fields().collect(),
                                None => message.get_field_by_name(name).into_iter().collect(),
                            };
                            assert!(!fields.is_empty(), "{what} {path} of {}", message.name());
                            fields
                        };
                        let fields = messages.into_iter().flat_map(named);
                        messages = fields.filter_map(|field| field.kind().as_message().cloned()).collect();
                    }
                }
            }
        }
        assert!(sole_field(&method("InvoiceService.GetInvoice").output()).is_some());
    }

    #[test]
    fn no_name_is_taken_twice() {
        let names: BTreeSet<_> = all().map(|noun| noun.name).collect();
        assert_eq!(names.len(), all().count());
        for noun in all() {
            let verbs: BTreeSet<_> = noun.verbs.iter().map(|verb| verb.name).collect();
            assert_eq!(verbs.len(), noun.verbs.len(), "{}", noun.name);
        }
    }
}
