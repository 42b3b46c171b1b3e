//! `application/x-www-form-urlencoded` bodies and queries with bracketed names, as Stripe takes them.

/// Named values in the order in which they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Adds a value under a name such as `line_items[0][quantity]`.
    pub(crate) fn push(&mut self, name: impl Into<String>, value: impl ToString) {
        self.0.push((name.into(), value.to_string()));
    }

    /// Adds a value, for chains.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.push(name, value);
        self
    }

    /// Whether nothing is to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form's text.
    pub(crate) fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// One `name=value` a line, unencoded: for snapshots.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_can_not_break_out_of_their_places() {
        let form = Form::default().with("metadata[a&b]", "1=2&active=false").with("metadata[ö]", "å 1+1");
        let encoded = form.encode();
        assert_eq!(encoded, "metadata%5Ba%26b%5D=1%3D2%26active%3Dfalse&metadata%5B%C3%B6%5D=%C3%A5+1%2B1");
        let decoded: Vec<_> = url::form_urlencoded::parse(encoded.as_bytes()).into_owned().collect();
        assert_eq!(decoded, form.0);
    }
}
