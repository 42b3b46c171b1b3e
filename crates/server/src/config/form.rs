//! The form of the file: which settings there are, and of which kind. All that is wrong with it is told at once, each by the
//! name of the setting, and nothing by its value, which may be a secret.

use anyhow::{Result, anyhow};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use toml::{Table, Value};

use super::File;

/// What is wrong with the form of settings: each with the name of the setting.
pub(crate) type Faults = Vec<(String, String)>;

/// Reads the text of the file that is at `path`, as far as its form goes: what is wrong with that is told beside it.
///
/// # Errors
/// It is no TOML, which is told by its line.
pub(super) fn read(path: &str, text: &str) -> Result<(File, Faults)> {
    let settings: Table = toml::from_str(text).map_err(|error| unreadable(path, text, &error))?;
    Ok(settings_of(settings))
}

/// Reads settings, without those that are unknown or of another kind: each of these is told with what is wrong with it.
pub(crate) fn settings_of<T: DeserializeOwned + Default>(settings: Table) -> (T, Faults) {
    let mut settings = Value::Table(settings);
    let mut faults = Vec::new();
    loop {
        match serde_path_to_error::deserialize(settings.clone()) {
            Ok(read) => return (read, faults),
            Err(error) => {
                let place = error.path().clone();
                faults.push((place.to_string(), without_value(error.into_inner().message())));
                // Without it, the next fault is found.
                if !remove(&mut settings, &place) {
                    return (T::default(), faults);
                }
            }
        }
    }
}

/// Takes away what is at that place; whether that can be done.
fn remove(settings: &mut Value, place: &Path) -> bool {
    let mut segments: Vec<&Segment> = place.iter().collect();
    let Some(last) = segments.pop() else { return false };
    let mut at = Some(settings);
    for segment in segments {
        at = match segment {
            Segment::Map { key } => at.and_then(|value| value.get_mut(key)),
            Segment::Seq { index } => at.and_then(|value| value.get_mut(*index)),
            Segment::Enum { .. } | Segment::Unknown => at,
        };
    }
    match (at, last) {
        (Some(Value::Table(table)), Segment::Map { key }) => table.remove(key).is_some(),
        // Lists of values are of texts; what is behind it keeps its place.
        (Some(value), Segment::Seq { index }) => match value.get_mut(*index) {
            Some(item) if item.as_str() != Some("") => {
                *item = Value::String(String::new());
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// Where the file is no TOML. TOML's own words show the line.
fn unreadable(path: &str, text: &str, error: &toml::de::Error) -> anyhow::Error {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    let place = line.map_or_else(|| path.to_owned(), |line| format!("{path}, line {line}"));
    anyhow!("{place} is not as it should be: {}", without_value(error.message()))
}

/// What serde says without the value that it repeats: `invalid type: integer, expected a string`. The name of a field stays,
/// which is no value.
fn without_value(message: &str) -> String {
    let kind = |before: &str| before.split(['`', '"']).next().unwrap_or_default().trim_end().to_owned();
    let repeats = ["invalid type: ", "invalid value: ", "unknown variant "].iter().any(|it| message.starts_with(it));
    match message.rsplit_once(", expected ") {
        Some((before, expected)) if repeats => format!("{}, expected {}", kind(before), in_words(expected)),
        _ if repeats => kind(message),
        _ => message.to_owned(),
    }
}

/// What is expected, to whoever writes the file: the types that it is read into say nothing there.
fn in_words(expected: &str) -> &str {
    match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 on",
        "i64" => "a whole number",
        _ if expected.starts_with("struct ") => "a part with settings of its own",
        _ => expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match read("paylinks.toml", text) {
            Ok((_, faults)) => faults.iter().map(|(place, fault)| format!("{place} {fault}\n")).collect(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_setting_of_another_kind_is_named_without_its_value() {
        for (text, setting) in [
            ("[vies]\nrequester = [\"canary\"]\n", "vies.requester"),
            ("[[sellers]]\ntax_registrations = [4242]\n", "sellers[0].tax_registrations[0]"),
            ("[mail]\npassword = [\"canary\"]\n", "mail.password"),
            ("[mail]\nport = \"canary, \\\", expected\"\n", "mail.port"),
            ("[mail]\ntls = \"canary\"\n", "mail.tls"),
            ("[mail]\npassword = 424242\n", "mail.password"),
            ("[mail]\npassword = 4242.42\n", "mail.password"),
            ("[vies]\napi_base = -424242\n", "vies.api_base"),
            ("[mail]\nport = 42424242\n", "mail.port"),
        ] {
            let told = told(text);
            assert!(!told.contains("canary") && !told.contains("4242"), "{told}");
            assert!(told.starts_with(&format!("{setting} ")), "{told}");
        }
        assert!(told("providers = \"x\"\n").ends_with("invalid type: string, expected a map\n"));
        assert!(told("[mail]\npassword = 123456\n").ends_with("invalid type: integer, expected a string\n"));
        // No type of the program is in it.
        let part = "invalid type: integer, expected a part with settings of its own\n";
        for text in ["grpc_tls = 1\n", "mail = 1\n", "[[sellers]]\ntransfer = 1\n"] {
            assert!(told(text).ends_with(part), "{}", told(text));
        }
        assert!(told("[mail]\nport = 70000\n").ends_with("expected a whole number from 0 to 65535\n"));
        let since = "[[sellers]]\ntax_registrations = [{ country = \"SE\", since = 7 }]\n";
        assert!(told(since).ends_with("must be a date such as 2024-01-01\n"), "{}", told(since));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let told = told(
            "acces = \"open\"\nreconcile_every_seconds = \"often\"\n[providers]\nacquirer = 1\n[vies]\nenabled = 1\n[grpc_tls]\ncert_file = 1\n\
             [[sellers]]\nid = 7\nnmae = \"canary\"\n[[sellers]]\ncurrency = true\n",
        );
        for setting in [
            "acces unknown field `acces`",
            "reconcile_every_seconds invalid type",
            "providers.acquirer invalid type",
            "vies.enabled invalid type",
            "grpc_tls.cert_file invalid type",
            "sellers[0].id invalid type",
            "sellers[0].nmae unknown field `nmae`",
            "sellers[1].currency invalid type",
        ] {
            assert!(told.lines().any(|line| line.starts_with(setting)), "{setting}: {told}");
        }
        assert!(told.lines().count() == 8 && !told.contains("canary"), "{told}");
    }

    #[test]
    fn what_is_no_toml_is_told_by_its_line() {
        for text in ["[mail]\npassword = canary\n", "[mail]\npassword = \"canary\n"] {
            let told = told(text);
            assert!(!told.contains("canary") && told.starts_with("paylinks.toml, line 2 is not"), "{told}");
        }
    }
}
