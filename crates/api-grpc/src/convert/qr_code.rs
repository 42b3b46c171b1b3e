//! A URL as a QR code (ISO/IEC 18004), for a screen or for print.

use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

/// What a screen reader says of the picture. It never has the URL in it, which may hold an e-mail address.
const TITLE: &str = "QR code of a payment link";
/// The least width and height, in pixels; a page may scale it, since it is a vector.
const SIZE_PX_MIN: u32 = 240;

/// The QR code as SVG: error correction M (15 % may be unreadable), four modules of quiet zone, black on white. `None`
/// where the URL is longer than a code can hold: 2,331 bytes.
pub(crate) fn svg(url: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(url, EcLevel::M).ok()?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(SIZE_PX_MIN, SIZE_PX_MIN).quiet_zone(true).build();
    let (open, rest) = drawn.split_once("<svg")?;
    let (attributes, shapes) = rest.split_once('>')?;
    Some(format!("{open}<svg role=\"img\"{attributes}><title>{TITLE}</title>{shapes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_title_and_nothing_of_the_url_in_clear() {
        let drawn = svg("https://pay.example.com/l_1?prefilled_email=ada%40example.com").unwrap();
        assert!(drawn.starts_with("<?xml") && drawn.ends_with("</svg>"), "{drawn}");
        assert!(drawn.contains("<svg role=\"img\" ") && drawn.contains("><title>QR code of a payment link</title><"));
        assert!(!drawn.contains("ada") && !drawn.contains("pay.example.com"));
    }

    #[test]
    fn the_quiet_zone_is_four_modules() {
        // Version 3 at level M: 29 modules a side and 8 of quiet zone, 7 pixels each.
        let drawn = svg("https://pay.example.com/l_123456789012").unwrap();
        let side = (29 + 8) * 7;
        assert!(drawn.contains(&format!("viewBox=\"0 0 {side} {side}\"")), "{drawn}");
        assert!(drawn.contains(&format!("M{} {}", 4 * 7, 4 * 7)), "the first dark module is behind the quiet zone");
    }

    #[test]
    fn a_url_that_no_code_can_hold_has_none() {
        assert!(svg(&"a".repeat(2_331)).is_some());
        assert!(svg(&"a".repeat(2_332)).is_none());
    }
}
