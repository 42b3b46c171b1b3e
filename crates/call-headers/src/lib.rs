//! What the headers of a call say, alike over gRPC and over HTTP: who calls, and which call it is. It knows no service, and
//! judges no token.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName};

/// The header of an API key, beside `authorization`.
pub const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The header of a call's id: the caller's own, which the answer repeats, or one that was made for it.
pub const CALL_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of a call that is taken over from a caller, in bytes.
const CALL_ID_BYTES_MAX: usize = 100;

/// The token that a caller presents: `authorization`, as a bearer token of RFC 6750 or bare, comes before `x-api-key`. Where
/// one of them is there twice, it is the empty token, which opens nothing: whoever stands before us may have judged the other.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    if [AUTHORIZATION, API_KEY].iter().any(|name| headers.get_all(name).iter().count() > 1) {
        return Some("");
    }
    let authorization = text(headers, &AUTHORIZATION)
        .map(|value| value.strip_prefix("Bearer ").or(value.strip_prefix("bearer ")).unwrap_or(value));
    authorization.or(text(headers, &API_KEY)).map(str::trim)
}

/// The caller's own id of a call, if it may stand in logs and headers: graphic ASCII, not too long.
pub fn call_id(headers: &HeaderMap) -> Option<&str> {
    let fits = |id: &&str| !id.is_empty() && id.len() <= CALL_ID_BYTES_MAX && id.bytes().all(|b| b.is_ascii_graphic());
    text(headers, &CALL_ID).filter(fits)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &str)| (name.clone(), HeaderValue::from_str(value).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_token_is_read_of_either_header_and_the_first_that_is_there_counts() {
        for (pairs, presented) in [
            (headers(&[]), None),
            (headers(&[(AUTHORIZATION, "Bearer pl_1")]), Some("pl_1")),
            (headers(&[(AUTHORIZATION, "bearer  pl_1 ")]), Some("pl_1")),
            (headers(&[(AUTHORIZATION, "pl_1")]), Some("pl_1")),
            (headers(&[(API_KEY, " pl_2 ")]), Some("pl_2")),
            (headers(&[(API_KEY, "pl_2"), (AUTHORIZATION, "Bearer pl_1")]), Some("pl_1")),
            (headers(&[(API_KEY, "")]), Some("")),
            (headers(&[(AUTHORIZATION, "Bearer pl_1"), (AUTHORIZATION, "Bearer pl_2")]), Some("")),
            (headers(&[(AUTHORIZATION, "Bearer pl_1"), (API_KEY, "pl_2"), (API_KEY, "pl_2")]), Some("")),
        ] {
            assert_eq!(token(&pairs), presented, "{pairs:?}");
        }
    }

    #[test]
    fn an_id_that_could_break_a_line_of_the_log_is_not_taken_over() {
        let long = "x".repeat(CALL_ID_BYTES_MAX + 1);
        for (id, taken) in
            [("trace-1", true), (&long[1..], true), ("", false), ("a b", false), (&long, false), ("a\tb", false)]
        {
            assert_eq!(call_id(&headers(&[(CALL_ID, id)])), Some(id).filter(|_| taken), "{id}");
        }
        assert_eq!(call_id(&HeaderMap::new()), None);
    }
}
