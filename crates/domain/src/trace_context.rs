//! Where in a trace something was asked for, as the W3C's recommendation "Trace Context" writes it: kept with what is done
//! later, so that it can be told as a part of the same trace. It means nothing to the domain.

use serde::{Deserialize, Serialize};

/// The length of `traceparent` in version 00, in bytes.
const PARENT_BYTES: usize = 55;
/// The longest `tracestate` that is passed on, in bytes: what the recommendation asks for at least.
const STATE_BYTES_MAX: usize = 512;

/// A place in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceContext {
    /// `00-TRACE-SPAN-FLAGS`, in lower-case hexadecimal digits.
    traceparent: String,
    /// What systems on the way have added for themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
}

impl TraceContext {
    /// Reads the two headers; nothing where `traceparent` is malformed. A state that is malformed or too long is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (known, more) = traceparent.split_at_checked(PARENT_BYTES)?;
        let mut parts = known.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_hex = |part: &str, digits: usize| {
            part.len() == digits && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let is_id = |part: &str, digits: usize| is_hex(part, digits) && part.bytes().any(|b| b != b'0');
        let is_whole = if version == "00" { more.is_empty() } else { more.is_empty() || more.starts_with('-') };
        let is_well_formed = is_hex(version, 2)
            && version != "ff"
            && is_whole
            && is_id(trace, 32)
            && is_id(span, 16)
            && is_hex(flags, 2)
            && parts.next().is_none();
        if !is_well_formed {
            return None;
        }
        let is_state = |state: &&str| {
            !state.is_empty() && state.len() <= STATE_BYTES_MAX && state.bytes().all(|b| (b' '..=b'~').contains(&b))
        };
        Some(Self {
            traceparent: format!("00-{trace}-{span}-{flags}"),
            tracestate: tracestate.filter(is_state).map(str::to_owned),
        })
    }

    /// The header `traceparent`, in version 00.
    pub fn traceparent(&self) -> &str {
        &self.traceparent
    }

    /// The header `tracestate`, if there was one.
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }

    /// The id of the span in it: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        self.traceparent.get(36..52).unwrap_or_default()
    }

    /// Whether whoever began the trace records it.
    pub fn is_sampled(&self) -> bool {
        self.traceparent
            .get(53..)
            .and_then(|flags| u8::from_str_radix(flags, 16).ok())
            .is_some_and(|flags| flags & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_place_in_a_trace_is_read_as_the_recommendation_has_it() {
        let read = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-01"), Some("vendor=1")).unwrap();
        assert_eq!((read.trace_id(), read.span_id(), read.is_sampled()), (TRACE, SPAN, true));
        assert_eq!(read.tracestate(), Some("vendor=1"));
        // A later version may have more; what is known of it is kept.
        let later = TraceContext::parse(&format!("cc-{TRACE}-{SPAN}-00-more"), None).unwrap();
        assert_eq!((later.traceparent(), later.is_sampled()), (format!("00-{TRACE}-{SPAN}-00").as_str(), false));
    }

    #[test]
    fn what_is_malformed_is_no_place() {
        let zeros = |digits: usize| "0".repeat(digits);
        for bad in [
            String::new(),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", zeros(32)),
            format!("00-{TRACE}-{}-01", zeros(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-é"),
            format!("00-{}-{SPAN}--01", &TRACE[1..]),
        ] {
            assert_eq!(TraceContext::parse(&bad, None), None, "{bad}");
        }
        let parent = format!("00-{TRACE}-{SPAN}-01");
        for state in ["", "a=\n", &"x".repeat(STATE_BYTES_MAX + 1)] {
            assert_eq!(TraceContext::parse(&parent, Some(state)).unwrap().tracestate(), None);
        }
    }
}
