//! The QR code of a URL (ISO/IEC 18004), as modules and at the size at which a phone reads it from paper. It knows nothing
//! of what the URL leads to.

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, which readers need (ISO/IEC 18004, 9.1).
const QUIET_MODULES: usize = 4;
/// A module is at least so wide, 0.35 mm: phones read that, and printers print it.
const MODULE_MIN: f32 = 1.0;
/// The least side, about 28 mm.
const SIDE_MIN: f32 = 80.0;

/// The modules of a code, with its quiet zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    side: usize,
    dark: Vec<bool>,
}

impl Code {
    /// The code of a text; none if it has more than a code holds. Correction is of level M, which mends 15 %, unless the
    /// text needs the room.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let level = |level| QrCode::with_error_correction_level(text, level).ok();
        let code = level(EcLevel::M).or_else(|| level(EcLevel::L))?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Some(Self { side: code.width(), dark })
    }

    /// Modules along a side, with the quiet zone.
    pub(crate) const fn modules(&self) -> usize {
        self.side + 2 * QUIET_MODULES
    }

    /// The side in points at which it is printed, with the quiet zone.
    pub(crate) fn side(&self) -> f32 {
        SIDE_MIN.max(self.modules() as f32 * MODULE_MIN)
    }

    /// The runs of dark modules: row, first column and length, counted with the quiet zone.
    pub(crate) fn runs(&self) -> Vec<(usize, usize, usize)> {
        let mut runs: Vec<(usize, usize, usize)> = Vec::new();
        for (row, modules) in self.dark.chunks(self.side).enumerate() {
            for column in (0..self.side).filter(|column| modules[*column]) {
                let at = column + QUIET_MODULES;
                match runs.last_mut() {
                    Some((last, first, length)) if *last == row + QUIET_MODULES && *first + *length == at => {
                        *length += 1
                    }
                    _ => runs.push((row + QUIET_MODULES, at, 1)),
                }
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_are_the_dark_modules_and_leave_the_quiet_zone_free() {
        let code = Code::of("https://pay.example.com/1").unwrap();
        let runs = code.runs();
        let count: usize = runs.iter().map(|(_, _, length)| length).sum();
        assert_eq!(count, code.dark.iter().filter(|dark| **dark).count());
        // A finder pattern begins at the corner with seven dark modules.
        assert_eq!(runs[0], (QUIET_MODULES, QUIET_MODULES, 7));
        let most = code.modules() - QUIET_MODULES;
        assert!(runs.iter().all(|(row, first, length)| *row < most && first + length <= most));
    }

    #[test]
    fn the_longest_payment_url_still_has_a_code_that_can_be_read() {
        let code = Code::of(&"x".repeat(domain::document::PaymentUrl::BYTES_MAX)).unwrap();
        assert!(code.side() / code.modules() as f32 >= MODULE_MIN);
        assert!(code.side() < 200.0);
        assert!(Code::of(&"x".repeat(3_000)).is_none());
    }
}
