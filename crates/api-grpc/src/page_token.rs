//! Page tokens: opaque to callers, bound to the filter that they were made for.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::page::{Page, PageRequest, PageSize};
use domain::validation::{Invalid, Validator};

/// The form of the token; another form is another number.
const VERSION: &str = "1";

/// Reads `page_size` and `page_token`.
pub(crate) fn page_request<Id>(
    validator: &mut Validator,
    (page_size, page_token): (i32, &str),
    filter: &impl Hash,
    parse: impl FnOnce(&str) -> Result<Id, Invalid>,
) -> Option<PageRequest<Id>> {
    let size = validator.check("page_size", PageSize::parse(page_size));
    let before = if page_token.is_empty() {
        Some(None)
    } else {
        validator
            .check("page_token", read(page_token, filter).and_then(|id| parse(&id)).map_err(|_| malformed()))
            .map(Some)
    };
    Some(PageRequest { size: size?, before: before? })
}

/// The token of the page behind this one; empty if it is the last.
pub(crate) fn next_page_token<T>(page: &Page<T>, filter: &impl Hash, id: impl Fn(&T) -> String) -> String {
    match page.items.last() {
        Some(last) if page.has_more => {
            URL_SAFE_NO_PAD.encode(format!("{VERSION}:{:x}:{}", fingerprint(filter), id(last)))
        }
        _ => String::new(),
    }
}

fn read(token: &str, filter: &impl Hash) -> Result<String, Invalid> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| malformed())?;
    let text = String::from_utf8(bytes).map_err(|_| malformed())?;
    let mut parts = text.splitn(3, ':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(VERSION), Some(hash), Some(id)) if hash == format!("{:x}", fingerprint(filter)) => Ok(id.to_owned()),
        _ => Err(malformed()),
    }
}

fn malformed() -> Invalid {
    Invalid::new("MALFORMED_PAGE_TOKEN", "must be a next_page_token of a page with the same filter, or empty")
}

/// The default hasher is keyed with zeros, so the same on every replica of one build; after an update that changes it, a
/// caller starts its list over.
fn fingerprint(filter: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    filter.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_own_filter_alone() {
        let page = Page { items: vec!["b".to_owned()], has_more: true };
        let token = next_page_token(&page, &"filter", String::clone);
        let read = |token: &str, filter: &str| {
            let mut validator = Validator::new();
            let request = page_request(&mut validator, (0, token), &filter, |id| Ok(id.to_owned()));
            validator.finish(request).map(|request| request.before)
        };
        assert_eq!(read(&token, "filter").unwrap(), Some("b".to_owned()));
        assert!(read(&token, "other").is_err() && read("x", "filter").is_err());
        assert_eq!(read("", "filter").unwrap(), None);
    }
}
