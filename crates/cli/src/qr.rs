//! URLs as QR codes in a terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// White on black, whatever the terminal's own colours are: readers want light around what is dark.
const WHITE_ON_BLACK: &str = "\u{1b}[40;97m";
const PLAIN: &str = "\u{1b}[0m";

/// A QR code with error correction M and its quiet zone; none if the text is too long for one. `is_terminal` says whether
/// colours may be set.
pub(crate) fn terminal(text: &str, is_terminal: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    // What is light is drawn, since ink is light in a terminal.
    let drawn = code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    let lines = drawn
        .lines()
        .map(|line| if is_terminal { format!("{WHITE_ON_BLACK}{line}{PLAIN}\n") } else { format!("{line}\n") });
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_quiet_zone_and_every_module() {
        let drawn = terminal("https://pay.example.com/p/1", false).unwrap();
        let lines: Vec<Vec<char>> = drawn.lines().map(|line| line.chars().collect()).collect();
        // 29 modules and four of quiet on each side; two rows of modules to a line.
        assert!(lines.iter().all(|line| line.len() == 37));
        assert_eq!(lines.len(), 19);
        assert!(lines[0].iter().chain(&lines[1]).all(|c| *c == '█'));
        let code = QrCode::with_error_correction_level("https://pay.example.com/p/1", EcLevel::M).unwrap();
        let is_light = |x: usize, y: usize| match lines[y / 2][x] {
            '█' => true,
            '▀' => y.is_multiple_of(2),
            '▄' => !y.is_multiple_of(2),
            _ => false,
        };
        for y in 0..29 {
            for x in 0..29 {
                assert_eq!(is_light(x + 4, y + 4), code[(x, y)] == qrcode::Color::Light, "{x} {y}");
            }
        }
        assert!(terminal("x", true).unwrap().starts_with("\u{1b}[40;97m"));
        assert!(terminal(&"x".repeat(3_000), false).is_none());
    }
}
