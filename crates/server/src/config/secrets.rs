//! What the configuration reads from files beside its own: secrets, certificates and keys. So a secret stands neither in the
//! configuration nor in the environment, which processes inherit; systemd's credentials and a container's secrets are files.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use domain::validation::{Invalid, Validator};

/// The largest file that is read, in bytes: 1 MiB holds every authority that the world trusts, several times.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The bits of a mode that open a file of a secret too far: any for all others, and writing for its group.
const TOO_WIDE: u32 = 0o027;

/// What is no fault, and should be mended all the same: each with the name of its setting.
pub(crate) type Warnings = Vec<(String, String)>;

/// A setting as it is given: itself, or a file that holds it.
#[derive(Default)]
pub(super) struct Given {
    pub(super) value: Option<String>,
    pub(super) file: Option<String>,
}

impl Given {
    pub(super) fn new(value: Option<String>, file: Option<String>) -> Self {
        let is_given = |text: &String| !text.is_empty();
        Self { value: value.filter(is_given), file: file.filter(is_given) }
    }

    const fn is_given(&self) -> bool {
        self.value.is_some() || self.file.is_some()
    }
}

/// A secret of one line: what `first` gives, or else `then`. `path` is where it stands, for a warning. `Some(None)` is that
/// nobody gives it.
pub(super) fn secret(
    v: &mut Validator,
    (field, path): (&str, &str),
    [first, then]: [Given; 2],
    warnings: &mut Warnings,
) -> Option<Option<String>> {
    let given = if first.is_given() { first } else { then };
    let file = format!("{field}_file");
    match (given.value, given.file) {
        (Some(_), Some(_)) => {
            v.refuse(&file, Invalid::new("TWICE", format!("must be absent beside {field}")));
            None
        }
        (value, None) => Some(value),
        (None, Some(from)) => v.check(&file, read_secret(&from, (&format!("{path}_file"), warnings))).map(Some),
    }
}

/// A secret of one line, without the end of its line.
pub(super) fn read_secret(path: &str, note: (&str, &mut Warnings)) -> Result<String, Invalid> {
    let mut lines = read_secrets(path, note)?;
    match (lines.pop(), lines.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Invalid::new("MALFORMED_SECRET", "must be a file of one line")),
    }
}

/// Secrets, one a line; empty lines count for nothing.
pub(super) fn read_secrets(path: &str, note: (&str, &mut Warnings)) -> Result<Vec<String>, Invalid> {
    let text = String::from_utf8(read_private(path, note)?);
    let text = text.map_err(|_| Invalid::new("MALFORMED_SECRET", "must be a file of text in UTF-8"))?;
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    if lines.is_empty() { Err(Invalid::new("EMPTY", "must be a file with a secret in it")) } else { Ok(lines) }
}

/// What is in a file that nobody else should read; that others may is noted.
pub(super) fn read_private(path: &str, (field, warnings): (&str, &mut Warnings)) -> Result<Vec<u8>, Invalid> {
    let (bytes, metadata) = read_with_metadata(path)?;
    warnings.extend(too_wide(path, &metadata).map(|told| (field.to_owned(), told)));
    Ok(bytes)
}

/// What is told of a file that others can read, although a secret stands in it.
pub(super) fn too_open(path: &str) -> Option<String> {
    too_wide(path, &std::fs::metadata(path).ok()?)
}

fn too_wide(path: &str, metadata: &Metadata) -> Option<String> {
    let mode = metadata.permissions().mode() & 0o7777;
    let told = format!("{path} has a secret in it and is open to others (mode {mode:04o}): chmod 0400 {path}");
    (mode & TOO_WIDE != 0).then_some(told)
}

/// What is in a file.
pub(super) fn read(path: &str) -> Result<Vec<u8>, Invalid> {
    Ok(read_with_metadata(path)?.0)
}

fn read_with_metadata(path: &str) -> Result<(Vec<u8>, Metadata), Invalid> {
    let unreadable = |error| Invalid::new("UNREADABLE", format!("must be a file that can be read: {error}"));
    let mut bytes = Vec::new();
    // A pipe would be waited for until someone writes into it, and a device has no end.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Invalid::new("UNREADABLE", "must be a regular file"));
    }
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        return Err(Invalid::new("TOO_LARGE", format!("must be a file of {FILE_BYTES_MAX} bytes at most")));
    }
    Ok((bytes, metadata))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(content: &[u8], mode: u32) -> (Result<String, &'static str>, usize) {
        let path = std::env::temp_dir().join(format!("paylinks-secret-{}-{mode}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let mut warnings = Vec::new();
        let read = read_secret(path.to_str().unwrap(), ("api_key_file", &mut warnings));
        std::fs::remove_file(&path).unwrap();
        (read.map_err(|invalid| invalid.rule), warnings.len())
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        let directory = std::env::temp_dir();
        let read = read_secret(directory.to_str().unwrap(), ("api_key_file", &mut Vec::new()));
        assert_eq!(read.map_err(|invalid| invalid.expected), Err("must be a regular file".to_owned()));
    }

    #[test]
    fn a_secret_is_a_line_without_its_end() {
        for content in ["sk_1", "sk_1\n", "sk_1\r\n", "\nsk_1\n\n"] {
            assert_eq!(read_as(content.as_bytes(), 0o400), (Ok("sk_1".to_owned()), 0), "{content:?}");
        }
        for (content, rule) in [("", "EMPTY"), (" \n", "EMPTY"), ("a\nb\n", "MALFORMED_SECRET")] {
            assert_eq!(read_as(content.as_bytes(), 0o400), (Err(rule), 0), "{content:?}");
        }
        assert_eq!(read_as(&[0xff], 0o400), (Err("MALFORMED_SECRET"), 0));
    }

    #[test]
    fn a_file_that_others_can_read_or_change_is_warned_of() {
        for (mode, warnings) in [(0o400, 0), (0o600, 0), (0o440, 0), (0o640, 0), (0o444, 1), (0o660, 1), (0o602, 1)] {
            assert_eq!(read_as(b"x", mode).1, warnings, "{mode:o}");
        }
    }

    #[test]
    fn what_never_ends_what_is_too_large_and_what_is_not_there_are_no_secrets() {
        let rule = |path: &str| read_secret(path, ("f", &mut Vec::new())).unwrap_err().rule;
        assert_eq!([rule("/dev/zero"), rule("/nowhere"), rule("a\0b")], ["UNREADABLE"; 3]);
        let large = vec![b'x'; usize::try_from(FILE_BYTES_MAX).unwrap() + 1];
        assert_eq!(read_as(&large, 0o600).0, Err("TOO_LARGE"));
    }
}
