//! URLs to which a customer's browser is sent after a hosted page. They are never fetched.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::network::{is_host_name, is_loopback};
use crate::text::refuse_card_number;
use crate::validation::Invalid;

/// A URL that a hosted page may send a browser to: https, or http on loopback; no user information; at most 2,048
/// characters; its host allowed by the seller's [`RedirectPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RedirectUrl(String);

/// Which hosts a browser may be sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedirectPolicy {
    /// Any host. For development.
    AnyHost,
    /// These hosts alone: exact names, or `*.example.com` for every name below `example.com`.
    Hosts(Vec<String>),
}

impl RedirectUrl {
    /// The most characters.
    pub const CHARS_MAX: usize = 2_048;

    /// Parses a URL under a policy. The text is kept as the caller wrote it, since templates such as
    /// `{CHECKOUT_SESSION_ID}` must survive.
    ///
    /// # Errors
    /// Too long, not a URL, not https (or http on loopback), with user information, to a host that is not allowed,
    /// or with a card number in it.
    pub fn parse(text: &str, policy: &RedirectPolicy) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::required());
        }
        if text.chars().count() > Self::CHARS_MAX {
            return Err(Invalid::new("TOO_LONG", format!("must have at most {} characters", Self::CHARS_MAX)));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            // A URL parser drops or rewrites these, so the one that checks and the browser might see different hosts.
            return Err(malformed());
        }
        let url = Url::parse(text).map_err(|_| malformed())?;
        let host = url.host().ok_or_else(malformed)?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&host) => {}
            _ => return Err(Invalid::new("URL_SCHEME", "must be an https URL (http is fine on loopback)")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new("URL_USERINFO", "must not have a user name or password"));
        }
        if !policy.allows(&host) {
            return Err(Invalid::new("URL_HOST", "must lead to a host that is allowed for this seller"));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The URL as the caller wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RedirectPolicy {
    /// A policy of host names. `*` and nothing else allows every host.
    ///
    /// # Errors
    /// The index of an entry that could never match or would match too much: it is neither a host name nor `*.` before one of
    /// two labels at least.
    pub fn parse(hosts: &[String]) -> Result<Self, (usize, Invalid)> {
        if hosts == ["*"] {
            return Ok(Self::AnyHost);
        }
        let entries = hosts.iter().enumerate().map(|(index, entry)| {
            let read = match entry.strip_prefix("*.") {
                // No address has any below it, and a single label has too many.
                Some(parent) if Host::parse(parent).is_ok_and(|host| !matches!(host, Host::Domain(_))) => None,
                Some(parent) => host_name(parent).filter(|name| name.contains('.')).map(|name| format!("*.{name}")),
                None => host_name(entry),
            };
            let expected =
                "must be a host name such as shop.example.com, or *.example.com for all below it; or * alone";
            read.ok_or_else(|| (index, Invalid::new("HOST", expected)))
        });
        entries.collect::<Result<_, _>>().map(Self::Hosts)
    }

    fn allows<S: AsRef<str>>(&self, host: &Host<S>) -> bool {
        let Self::Hosts(allowed) = self else { return true };
        let host = match host {
            Host::Domain(name) => name.as_ref().trim_end_matches('.').to_ascii_lowercase(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        allowed.iter().any(|entry| match entry.strip_prefix("*.") {
            Some(parent) => host.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => host == *entry,
        })
    }
}

/// A host as URLs that name it are read: in lower case, its letters as IDNA writes them, an address in full.
fn host_name(text: &str) -> Option<String> {
    if text.is_empty() || text.contains(['*', ':', '/', '@', '?', '#', ' ']) {
        return None;
    }
    match Host::parse(text).ok()? {
        Host::Domain(name) => Some(name.trim_end_matches('.').to_owned()).filter(|name| is_host_name(name)),
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(address.to_string()),
    }
}

fn malformed() -> Invalid {
    Invalid::new("MALFORMED_URL", "must be an absolute https URL (http is fine on loopback)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str, hosts: &[&str]) -> Result<(), &'static str> {
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let policy = RedirectPolicy::parse(&hosts).unwrap();
        RedirectUrl::parse(text, &policy).map(|_| ()).map_err(|invalid| invalid.rule)
    }

    #[test]
    fn allowed_hosts_pass_and_others_do_not() {
        let hosts = ["cloud.hostup.se", "*.example.com", "127.0.0.1"];
        for good in [
            "https://cloud.hostup.se/billing?paid=1&invoice=51910",
            "https://CLOUD.hostup.se/",
            "https://a.b.example.com/x?s={CHECKOUT_SESSION_ID}",
            "http://127.0.0.1:8080/done",
        ] {
            assert_eq!(rule(good, &hosts), Ok(()), "{good}");
        }
        for (bad, want) in [
            ("https://evil.test/", "URL_HOST"),
            ("https://example.com/", "URL_HOST"),
            ("https://notexample.com/", "URL_HOST"),
            ("https://cloud.hostup.se.evil.test/", "URL_HOST"),
            ("http://cloud.hostup.se/", "URL_SCHEME"),
            ("javascript:alert(1)", "MALFORMED_URL"),
            ("data:text/html,x", "MALFORMED_URL"),
            ("https://user:pw@cloud.hostup.se/", "URL_USERINFO"),
            ("https://cloud.hostup.se\\@evil.test/", "MALFORMED_URL"),
            ("//cloud.hostup.se/", "MALFORMED_URL"),
            ("/relative", "MALFORMED_URL"),
            ("https://cloud.hostup.se/\n", "MALFORMED_URL"),
        ] {
            assert_eq!(rule(bad, &hosts), Err(want), "{bad}");
        }
        assert_eq!(rule(&format!("https://cloud.hostup.se/{}", "x".repeat(2_048)), &hosts), Err("TOO_LONG"));
    }

    #[test]
    fn hosts_are_held_against_urls_as_both_are_read() {
        let hosts = ["åäö.se", "Shop.Example.com.", "127.1", "*.Example.NET"];
        for good in ["https://xn--4cab6c.se/", "https://åäö.se/x", "https://shop.example.com./x", "http://127.0.0.1/"]
        {
            assert_eq!(rule(good, &hosts), Ok(()), "{good}");
        }
        assert_eq!(rule("https://a.example.net/", &hosts), Ok(()));
        let parse = |hosts: &[&str]| RedirectPolicy::parse(&hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["*"]), Ok(RedirectPolicy::AnyHost));
        for bad in ["*", "*.com", "*.127.1", "*.*.example.com", "https://x", "a b", "", "a/b", "user@a.se"] {
            let refused = parse(&["shop.example.com", bad]).map_err(|(index, invalid)| (index, invalid.rule));
            assert_eq!(refused, Err((1, "HOST")), "{bad}");
        }
    }
}
