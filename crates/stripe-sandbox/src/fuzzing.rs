//! Rules that hold for whatever bytes come in, for fuzzing and for the tests that do the same in small: nothing panics, and
//! what is accepted is accepted again as it is written down.

use std::collections::BTreeMap;

use crate::form::{Node, decode};

/// Bodies of forms.
pub fn forms(data: &[u8]) {
    let Ok(form) = decode(data) else { return };
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in flat(&form) {
        pairs.append_pair(&name, &value);
    }
    assert_eq!(decode(pairs.finish().as_bytes()).ok(), Some(form));
}

fn flat(form: &BTreeMap<String, Node>) -> Vec<(String, String)> {
    let below = |name: &String, node: &Node| match node {
        Node::Text(text) => vec![(name.clone(), text.clone())],
        Node::Nested(nested) => flat(nested)
            .into_iter()
            .map(|(inner, text)| {
                let (first, rest) =
                    inner.split_once('[').map_or((inner.as_str(), ""), |(first, _)| (first, &inner[first.len()..]));
                (format!("{name}[{first}]{rest}"), text)
            })
            .collect(),
    };
    form.iter().flat_map(|(name, node)| below(name, node)).collect()
}
