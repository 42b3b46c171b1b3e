//! How bad input is told: every bad field at once, each with the rule it broke and what was expected.
//!
//! A value's constructor knows its rule but not the name of the field it came in; the face that parses a request knows
//! the name. [`Invalid`] is the former, [`Violation`] joins both, [`Validator`] collects them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a single value was refused, without the name of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct Invalid {
    /// A stable upper-case code that a program can match on, such as `TOO_LONG`.
    pub rule: &'static str,
    /// What was expected, as a sentence for a person. It never repeats the refused value: that may be personal.
    pub expected: String,
}

impl Invalid {
    /// A refusal under `rule`, with what was `expected`.
    pub fn new(rule: &'static str, expected: impl Into<String>) -> Self {
        Self { rule, expected: expected.into() }
    }

    /// The value is absent although it is needed.
    pub fn required() -> Self {
        Self::new("REQUIRED", "is required")
    }
}

/// One bad field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Path of the field as the caller wrote it, such as `line_items[3].quantity`.
    pub field: String,
    /// A stable upper-case code, see [`Invalid::rule`].
    pub rule: String,
    /// What was expected there.
    pub expected: String,
}

/// All bad fields of a request; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// A single violation.
    pub fn one(field: impl Into<String>, invalid: Invalid) -> Self {
        Self(vec![Violation { field: field.into(), rule: invalid.rule.to_owned(), expected: invalid.expected }])
    }

    /// The violations of a refusal that was stored, unless it had none.
    pub fn stored(violations: Vec<Violation>) -> Option<Self> {
        (!violations.is_empty()).then_some(Self(violations))
    }

    /// The same violations, of fields below `field`.
    #[must_use]
    pub fn within(self, field: &str) -> Self {
        let named = |violation: Violation| Violation { field: join(field, &violation.field), ..violation };
        Self(self.0.into_iter().map(named).collect())
    }

    /// The same violations, with those of the field `from` and of the fields below it told of `to`.
    #[must_use]
    pub fn renamed(self, from: &str, to: &str) -> Self {
        let named = |violation: Violation| match violation.field.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('.') => {
                Violation { field: join(to, rest.trim_start_matches('.')), ..violation }
            }
            _ => violation,
        };
        Self(self.0.into_iter().map(named).collect())
    }

    /// The violations, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{} {}", violation.field, violation.expected)?;
        }
        Ok(())
    }
}

/// Collects the violations of one request while it is parsed.
#[derive(Debug, Default)]
pub struct Validator {
    prefix: String,
    found: Vec<Violation>,
}

impl Validator {
    /// A collector that has found nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a parsed value, or notes why `field` was refused.
    pub fn check<T>(&mut self, field: &str, parsed: Result<T, Invalid>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(field, invalid);
                None
            }
        }
    }

    /// Like [`check`](Self::check) for a value that may be absent: `Some(None)` says absent and fine.
    pub fn check_optional<R, T>(
        &mut self,
        field: &str,
        raw: Option<R>,
        parse: impl FnOnce(R) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match raw {
            None => Some(None),
            Some(raw) => self.check(field, parse(raw)).map(Some),
        }
    }

    /// Notes that `field` was refused.
    pub fn refuse(&mut self, field: &str, invalid: Invalid) {
        let field = join(&self.prefix, field);
        self.found.push(Violation { field, rule: invalid.rule.to_owned(), expected: invalid.expected });
    }

    /// Runs `parse` with every field name below `field`.
    pub fn within<T>(&mut self, field: &str, parse: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.prefix.clone();
        self.prefix = join(&outer, field);
        let value = parse(self);
        self.prefix = outer;
        value
    }

    /// Takes over violations that a domain rule found, below the current prefix.
    pub fn absorb(&mut self, violations: Violations) {
        for violation in violations.0 {
            let field = join(&self.prefix, &violation.field);
            self.found.push(Violation { field, ..violation });
        }
    }

    /// Whether anything has been refused.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    /// The value, if nothing was refused and every part of it is there.
    ///
    /// # Errors
    /// All violations found. A missing part without a violation is one on the request as a whole.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Violations> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            None if self.found.is_empty() => Err(Violations::one("request", Invalid::required())),
            _ => Err(Violations(self.found)),
        }
    }
}

/// The path of `field` below `prefix`.
pub fn join(prefix: &str, field: &str) -> String {
    match (prefix.is_empty(), field.is_empty()) {
        (true, _) => field.to_owned(),
        (_, true) => prefix.to_owned(),
        _ if field.starts_with('[') => format!("{prefix}{field}"),
        _ => format!("{prefix}.{field}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_field_is_told_with_its_whole_path() {
        let mut validator = Validator::new();
        validator.refuse("currency", Invalid::new("UNKNOWN", "must be an ISO 4217 code"));
        validator.within("line_items", |v| v.within("[3]", |v| v.refuse("quantity", Invalid::required())));
        let violations = validator.finish(Some(())).unwrap_err();
        let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["currency", "line_items[3].quantity"]);
        assert_eq!(violations.to_string(), "currency must be an ISO 4217 code; line_items[3].quantity is required");
    }
}
