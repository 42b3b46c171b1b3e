//! Names of hosts, and the addresses of others' APIs: the rules that hold whoever is called. Nothing here is looked up.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::validation::Invalid;

/// The most characters of a host's name, and of a part of it (RFC 1035, 2.3.4).
const NAME_CHARS_MAX: usize = 253;
const LABEL_CHARS_MAX: usize = 63;
/// Domains that nobody has, for examples and tests (RFC 2606).
const RESERVED: [&str; 5] = ["example", "invalid", "example.com", "example.net", "example.org"];

/// Whether a host is this machine itself.
pub fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether a text can be the name of a host: parts of letters, digits, hyphens and underscores between single dots, as the
/// domain name system has them; one dot may end it.
pub fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        (1..=LABEL_CHARS_MAX).contains(&label.len())
            && label.bytes().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= NAME_CHARS_MAX && name.split('.').all(is_label)
}

/// Whether a host is one of those that only stand in examples, which nobody can mean: `smtp.example.com`.
pub fn is_reserved_for_examples(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    RESERVED.into_iter().any(is_below)
}

/// A host that can be called: the name of one, or an address (an IPv6 address without brackets).
///
/// # Errors
/// It is neither.
pub fn parse_host(text: &str) -> Result<Host, Invalid> {
    let malformed = || Invalid::new("MALFORMED_HOST", "must be the name or the address of a host");
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(Host::Ipv4(address));
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Ipv6(address));
    }
    // Names in other scripts are told by their ASCII form.
    match Host::parse(text).map_err(|_| malformed())? {
        Host::Domain(name) if is_host_name(&name) => Ok(Host::Domain(name)),
        _ => Err(malformed()),
    }
}

/// Checks that an address has no user, query or fragment, in which a secret may stand: addresses are shown.
///
/// # Errors
/// It has.
pub fn expect_bare(address: &Url) -> Result<(), Invalid> {
    let has_user = !address.username().is_empty() || address.password().is_some();
    if has_user || address.query().is_some() || address.fragment().is_some() {
        let expected = "must be scheme, host, port and path alone, without user or query";
        return Err(Invalid::new("CROWDED_URL", expected));
    }
    Ok(())
}

/// Checks the address of an API that is called with a secret: https, or http on loopback; of a host that can be one, and
/// [bare](expect_bare).
///
/// # Errors
/// It is not so.
pub fn expect_api_base(base: &Url) -> Result<(), Invalid> {
    expect_bare(base)?;
    let host = base.host();
    if !(base.scheme() == "https" || (base.scheme() == "http" && host.as_ref().is_some_and(is_loopback))) {
        return Err(Invalid::new("URL_SCHEME", "must be https (http is fine on loopback)"));
    }
    match host {
        Some(Host::Domain(name)) if !is_host_name(name) => {
            Err(Invalid::new("MALFORMED_HOST", "must have the name of a host, with something between its dots"))
        }
        Some(_) => Ok(()),
        None => Err(Invalid::new("MALFORMED_HOST", "must have a host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_with_something_between_its_dots_or_an_address() {
        for fine in ["localhost", "mail", "api.example.com", "example.com.", "a_b.example", "192.0.2.1", "2001:db8::1"]
        {
            assert!(parse_host(fine).is_ok(), "{fine}");
        }
        let long = "a".repeat(64);
        for none in
            ["", ".", ".example.com", "a..b", "a b", "a/b", "a:1", "-a.example", "a-.example", &long, "[::1", "…"]
        {
            assert!(parse_host(none).is_err(), "{none}");
        }
        assert_eq!(parse_host("bücher.example").unwrap().to_string(), "xn--bcher-kva.example");
    }

    #[test]
    fn an_api_is_called_where_a_secret_is_safe() {
        let rule = |url: &str| expect_api_base(&Url::parse(url).unwrap()).err().map(|invalid| invalid.rule);
        for fine in ["https://api.example.com/v1/", "http://127.0.0.1:9", "http://[::1]:9/", "http://localhost:1/"] {
            assert_eq!(rule(fine), None, "{fine}");
        }
        for (url, broken) in [
            ("http://api.example.com/", "URL_SCHEME"),
            ("ftp://localhost/", "URL_SCHEME"),
            ("https://u:p@example.com/", "CROWDED_URL"),
            ("https://example.com/?a", "CROWDED_URL"),
            ("https://example.com/#a", "CROWDED_URL"),
            ("https://.example.com/", "MALFORMED_HOST"),
            ("https://a..example.com/", "MALFORMED_HOST"),
            ("https://-/", "MALFORMED_HOST"),
        ] {
            assert_eq!(rule(url), Some(broken), "{url}");
        }
    }

    #[test]
    fn what_stands_in_examples_is_no_host_that_anybody_means() {
        for reserved in ["example.com", "smtp.Example.com", "mail.example", "x.invalid."] {
            assert!(is_reserved_for_examples(reserved), "{reserved}");
        }
        for meant in ["examples.com", "myexample.com", "localhost", "mail.acme.test"] {
            assert!(!is_reserved_for_examples(meant), "{meant}");
        }
    }
}
