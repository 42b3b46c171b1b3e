//! Where answers go: to a person as tables and lines, to a script as JSON, one object a line.

use std::io::Write;

use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use serde_json::json;

use crate::contract::sole_field;
use crate::fault::Fault;
use crate::values::printable;
use crate::{qr, table};

/// Standard output and standard error, and for whom they are.
pub(crate) struct Output<'a, O, N> {
    pub(crate) out: &'a mut O,
    pub(crate) notes: &'a mut N,
    pub(crate) is_json: bool,
    /// Whether a terminal shows it, so that colours may be set.
    pub(crate) is_terminal: bool,
}

impl<O: Write, N: Write> Output<'_, O, N> {
    /// Writes to standard output.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Fault> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    /// Writes bytes to standard output.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.out.write_all(bytes)?;
        Ok(self.out.flush()?)
    }

    /// Tells something beside the answer: a person in words, a script as an object of one field.
    pub(crate) fn note(&mut self, name: &str, words: &str, value: &str) {
        let told = if self.is_json { format!("{}\n", json!({ name: value })) } else { format!("{words}{value}\n") };
        // With standard error gone there is nobody to tell.
        let _ = self.notes.write_all(told.as_bytes()).and_then(|()| self.notes.flush());
    }

    /// Writes an answer: the thing in it, where there is one alone.
    pub(crate) fn answer(&mut self, answer: &DynamicMessage, is_qr_wanted: bool) -> Result<(), Fault> {
        let thing = thing(answer);
        if self.is_json {
            return self.say(&format!("{}\n", crate::json::line(&thing)));
        }
        self.say(&table::details(&thing))?;
        if is_qr_wanted { self.qr_code(&thing) } else { Ok(()) }
    }

    /// Writes texts, each on its line.
    pub(crate) fn names(&mut self, names: &[String]) -> Result<(), Fault> {
        let line = |name: &String| if self.is_json { json!(name).to_string() } else { printable(name) };
        let lines: Vec<String> = names.iter().map(|name| line(name) + "\n").collect();
        self.say(&lines.concat())
    }

    /// Writes the QR code of a thing's URL.
    pub(crate) fn qr_code(&mut self, thing: &DynamicMessage) -> Result<(), Fault> {
        let url = table::cell(thing, "url");
        match qr::terminal(&url, self.is_terminal).filter(|_| !url.is_empty()) {
            Some(code) => self.say(&code),
            None => Err(Fault::Input(vec!["it has no URL that a QR code can hold".to_owned()])),
        }
    }
}

/// What is meant by an answer: the thing in it, where there is one alone.
pub(crate) fn thing(answer: &DynamicMessage) -> DynamicMessage {
    let inner = sole_field(&answer.descriptor()).and_then(|field| match answer.get_field(&field).as_ref() {
        Value::Message(inner) => Some(inner.clone()),
        _ => None,
    });
    inner.unwrap_or_else(|| answer.clone())
}
