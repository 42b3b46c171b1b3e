//! Form bodies with bracketed nesting: `line_items[0][price_data][currency]=sek`.

use std::collections::BTreeMap;

use crate::error::ApiError;

/// The deepest nesting.
const DEPTH_MAX: usize = 12;
/// The most pairs of a request.
const PAIRS_MAX: usize = 10_000;

/// A decoded form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Text(String),
    Nested(BTreeMap<String, Node>),
}

/// Decodes pairs into a tree.
pub(crate) fn decode(encoded: &[u8]) -> Result<BTreeMap<String, Node>, ApiError> {
    let mut root = BTreeMap::new();
    for (count, (name, value)) in url::form_urlencoded::parse(encoded).enumerate() {
        if count >= PAIRS_MAX {
            return Err(ApiError::invalid("Too many parameters."));
        }
        let path = split(&name).ok_or_else(|| ApiError::invalid(format!("Invalid parameter name: {name}")))?;
        insert(&mut root, &path, value.into_owned(), &name)?;
    }
    Ok(root)
}

/// `a[b][]` as `a`, `b` and an empty name.
fn split(name: &str) -> Option<Vec<&str>> {
    let Some((first, rest)) = name.split_once('[') else { return Some(vec![name]) };
    let mut path = vec![first];
    for part in rest.strip_suffix(']')?.split("][") {
        path.push(part);
    }
    let fits = !first.is_empty() && path.len() <= DEPTH_MAX && path.iter().all(|part| !part.contains(['[', ']']));
    fits.then_some(path)
}

fn insert(into: &mut BTreeMap<String, Node>, path: &[&str], value: String, name: &str) -> Result<(), ApiError> {
    let (key, rest) = match path {
        [key, rest @ ..] => (*key, rest),
        [] => return Ok(()),
    };
    // `a[]` appends.
    let key = if key.is_empty() { into.len().to_string() } else { key.to_owned() };
    if rest.is_empty() {
        return match into.insert(key, Node::Text(value)) {
            Some(Node::Nested(_)) => Err(ApiError::invalid(format!("Invalid parameter nesting: {name}"))),
            _ => Ok(()),
        };
    }
    match into.entry(key).or_insert_with(|| Node::Nested(BTreeMap::new())) {
        Node::Nested(nested) => insert(nested, rest, value, name),
        Node::Text(_) => Err(ApiError::invalid(format!("Invalid parameter nesting: {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Node {
        Node::Text(value.to_owned())
    }

    fn nested(pairs: &[(&str, Node)]) -> Node {
        Node::Nested(pairs.iter().map(|(key, node)| ((*key).to_owned(), node.clone())).collect())
    }

    #[test]
    fn brackets_nest_and_empty_brackets_append() {
        let root = decode(b"a[0][b]=1&a[0][c]=x+y&e[]=p&e[]=q&m=").unwrap();
        assert_eq!(root["a"], nested(&[("0", nested(&[("b", text("1")), ("c", text("x y"))]))]));
        assert_eq!(root["e"], nested(&[("0", text("p")), ("1", text("q"))]));
        assert_eq!(root["m"], text(""));
    }

    #[test]
    fn malformed_and_contradictory_names_are_refused() {
        for bad in ["a[b=1", "[a]=1", "a]b[=1", "a=1&a[b]=2", "a[b]=2&a=1"] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!("a{}=1", "[x]".repeat(20));
        assert!(decode(deep.as_bytes()).is_err());
    }
}
