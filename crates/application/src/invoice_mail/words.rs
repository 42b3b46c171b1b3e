//! The words of mails about invoices, in the languages of documents, and their figures. It must not know what is said when.
//!
//! Figures are written as Unicode CLDR has them, but for English dates, which name the month so that no day is taken for one.

use domain::document::Language;
use domain::money::Money;
use time::Date;

/// The words of a language. Labels have their colon, since languages space it differently.
pub(super) struct Words {
    /// By the reader's name, where it is known.
    pub(super) greeting: fn(Option<&str>) -> String,
    /// By number and seller.
    pub(super) invoice_subject: fn(&str, &str) -> String,
    /// By number and seller.
    pub(super) receipt_subject: fn(&str, &str) -> String,
    /// By number and seller.
    pub(super) invoice_opening: fn(&str, &str) -> String,
    /// By number and seller.
    pub(super) receipt_opening: fn(&str, &str) -> String,
    pub(super) due: &'static str,
    pub(super) due_date: &'static str,
    pub(super) paid: &'static str,
    pub(super) nothing_due: &'static str,
    pub(super) pay_at: &'static str,
    pub(super) see_at: &'static str,
    pub(super) attached: &'static str,
    pub(super) closing: &'static str,
}

impl Words {
    /// The words of a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Swedish => &SWEDISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
        }
    }
}

fn greeted(before: &str, name: Option<&str>, mark: char) -> String {
    name.map_or_else(|| format!("{before}{mark}"), |name| format!("{before} {name}{mark}"))
}

const ENGLISH: Words = Words {
    greeting: |name| greeted("Hello", name, ','),
    invoice_subject: |number, seller| format!("Invoice {number} from {seller}"),
    receipt_subject: |number, seller| format!("Receipt for invoice {number} from {seller}"),
    invoice_opening: |number, seller| format!("This is invoice {number} from {seller}."),
    receipt_opening: |number, seller| format!("Thank you for your payment of invoice {number} from {seller}."),
    due: "Amount due:",
    due_date: "Due date:",
    paid: "Amount paid:",
    nothing_due: "Nothing is left to pay.",
    pay_at: "Pay online:",
    see_at: "View online:",
    attached: "The document is attached.",
    closing: "Kind regards",
};

const SWEDISH: Words = Words {
    greeting: |name| greeted("Hej", name, ','),
    invoice_subject: |number, seller| format!("Faktura {number} från {seller}"),
    receipt_subject: |number, seller| format!("Kvitto på faktura {number} från {seller}"),
    invoice_opening: |number, seller| format!("Det här är faktura {number} från {seller}."),
    receipt_opening: |number, seller| format!("Tack för din betalning av faktura {number} från {seller}."),
    due: "Att betala:",
    due_date: "Förfallodatum:",
    paid: "Betalt belopp:",
    nothing_due: "Det finns inget kvar att betala.",
    pay_at: "Betala på nätet:",
    see_at: "Se den på nätet:",
    attached: "Dokumentet är bifogat.",
    closing: "Med vänliga hälsningar",
};

const GERMAN: Words = Words {
    greeting: |name| greeted("Guten Tag", name, ','),
    invoice_subject: |number, seller| format!("Rechnung {number} von {seller}"),
    receipt_subject: |number, seller| format!("Zahlungsbeleg zur Rechnung {number} von {seller}"),
    invoice_opening: |number, seller| format!("dies ist die Rechnung {number} von {seller}."),
    receipt_opening: |number, seller| format!("vielen Dank für Ihre Zahlung zur Rechnung {number} von {seller}."),
    due: "Zu zahlender Betrag:",
    due_date: "Fällig am:",
    paid: "Gezahlter Betrag:",
    nothing_due: "Es ist nichts mehr zu zahlen.",
    pay_at: "Online bezahlen:",
    see_at: "Online ansehen:",
    attached: "Das Dokument ist angehängt.",
    closing: "Mit freundlichen Grüßen",
};

const FRENCH: Words = Words {
    greeting: |name| greeted("Bonjour", name, ','),
    invoice_subject: |number, seller| format!("Facture {number} de {seller}"),
    receipt_subject: |number, seller| format!("Reçu de la facture {number} de {seller}"),
    invoice_opening: |number, seller| format!("Voici la facture {number} de {seller}."),
    receipt_opening: |number, seller| format!("Merci pour votre paiement de la facture {number} de {seller}."),
    due: "Montant à payer\u{a0}:",
    due_date: "Date d’échéance\u{a0}:",
    paid: "Montant payé\u{a0}:",
    nothing_due: "Il ne reste rien à payer.",
    pay_at: "Payer en ligne\u{a0}:",
    see_at: "Consulter en ligne\u{a0}:",
    attached: "Le document est joint.",
    closing: "Cordialement",
};

const SPANISH: Words = Words {
    greeting: |name| greeted("Hola", name, ':'),
    invoice_subject: |number, seller| format!("Factura {number} de {seller}"),
    receipt_subject: |number, seller| format!("Recibo de la factura {number} de {seller}"),
    invoice_opening: |number, seller| format!("Esta es la factura {number} de {seller}."),
    receipt_opening: |number, seller| format!("Gracias por su pago de la factura {number} de {seller}."),
    due: "Importe pendiente:",
    due_date: "Fecha de vencimiento:",
    paid: "Importe pagado:",
    nothing_due: "No queda nada por pagar.",
    pay_at: "Pagar en línea:",
    see_at: "Ver en línea:",
    attached: "Se adjunta el documento.",
    closing: "Atentamente",
};

/// An amount with the code of its currency: `SEK 1,234.50`, `1 234,50 SEK`. No line breaks within.
pub(super) fn amount(language: Language, money: Money) -> String {
    let (group, point) = match language {
        Language::English => (',', '.'),
        Language::Swedish => ('\u{a0}', ','),
        Language::French => ('\u{202f}', ','),
        Language::German | Language::Spanish => ('.', ','),
    };
    let decimals = usize::from(money.currency().exponent());
    let digits = format!("{:0>width$}", money.minor().unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let mut written = String::from(if money.minor() < 0 { "\u{2212}" } else { "" });
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            written.push(group);
        }
        written.push(digit);
    }
    if decimals > 0 {
        written.push(point);
        written.push_str(fraction);
    }
    match language {
        Language::English => format!("{}\u{a0}{written}", money.currency()),
        _ => format!("{written}\u{a0}{}", money.currency()),
    }
}

/// A date: `3 March 2026`, `2026-03-03`, `03.03.2026`, `03/03/2026`.
pub(super) fn date(language: Language, date: Date) -> String {
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    match language {
        Language::English => format!("{day}\u{a0}{}\u{a0}{year}", date.month()),
        Language::Swedish => format!("{year:04}-{month:02}-{day:02}"),
        Language::German => format!("{day:02}.{month:02}.{year:04}"),
        Language::French | Language::Spanish => format!("{day:02}/{month:02}/{year:04}"),
    }
}

#[cfg(test)]
mod tests {
    use domain::money::Currency;
    use time::macros::date;

    use super::*;

    #[test]
    fn amounts_are_written_as_each_language_has_them() {
        let money = |minor, code| Money::new(minor, Currency::parse(code).unwrap());
        let written = Language::ALL.map(|language| amount(language, money(123_456_789, "EUR")));
        assert_eq!(
            written,
            [
                "EUR\u{a0}1,234,567.89",
                "1\u{a0}234\u{a0}567,89\u{a0}EUR",
                "1.234.567,89\u{a0}EUR",
                "1\u{202f}234\u{202f}567,89\u{a0}EUR",
                "1.234.567,89\u{a0}EUR"
            ]
        );
        assert_eq!(amount(Language::English, money(1_234, "JPY")), "JPY\u{a0}1,234");
        assert_eq!(amount(Language::English, money(5, "KWD")), "KWD\u{a0}0.005");
    }

    #[test]
    fn dates_are_written_as_each_language_has_them() {
        let written = Language::ALL.map(|language| date(language, date!(2026 - 03 - 09)));
        assert_eq!(written, ["9\u{a0}March\u{a0}2026", "2026-03-09", "09.03.2026", "09/03/2026", "09/03/2026"]);
    }
}
