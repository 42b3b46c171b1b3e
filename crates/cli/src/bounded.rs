//! Reading what a person names, as far as it can be meant: a device, or a file of another kind, may never end.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result};

/// The text of a file.
///
/// # Errors
/// It can't be read, is longer than `bytes_max`, or is no text in UTF-8.
pub(crate) fn read_file(path: &str, bytes_max: u64) -> Result<String> {
    read(File::open(path)?, bytes_max)
}

/// The same of whatever can be read.
pub(crate) fn read(from: impl Read, bytes_max: u64) -> Result<String> {
    let mut bytes = Vec::new();
    let read = from.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > bytes_max {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidData, "it is no text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_can_be_meant_is_read_and_no_more() {
        assert_eq!(read([b'a'; 4].as_slice(), 4).unwrap(), "aaaa");
        assert_eq!(read([b'a'; 5].as_slice(), 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read_file("/dev/zero", 1 << 20).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read([0xff].as_slice(), 4).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
