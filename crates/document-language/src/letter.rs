//! The words of mails about invoices, in the languages of documents. It must not know what is said when.

use domain::document::Language;

/// The words of a language. Labels have their colon, since languages space it differently.
pub struct LetterWords {
    /// How the reader is greeted, by name where that is known.
    pub greeting: fn(Option<&str>) -> String,
    /// The subject of a mail with an invoice, by number and seller.
    pub invoice_subject: fn(&str, &str) -> String,
    /// The subject of a mail with a receipt, by number and seller.
    pub receipt_subject: fn(&str, &str) -> String,
    /// The first sentence with an invoice, by number and seller.
    pub invoice_opening: fn(&str, &str) -> String,
    /// The first sentence with a receipt, by number and seller.
    pub receipt_opening: fn(&str, &str) -> String,
    /// What is still to be paid.
    pub due: &'static str,
    /// The last day to pay.
    pub due_date: &'static str,
    /// What has been paid.
    pub paid: &'static str,
    /// Said where nothing is to be paid any more.
    pub nothing_due: &'static str,
    /// Where it can be paid.
    pub pay_at: &'static str,
    /// Where it can be seen.
    pub see_at: &'static str,
    /// Said of the document that comes with the mail.
    pub attached: &'static str,
    /// Before the name of who writes.
    pub closing: &'static str,
}

impl LetterWords {
    /// The words of a language.
    pub const fn of(language: Language) -> &'static Self {
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

const ENGLISH: LetterWords = LetterWords {
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

const SWEDISH: LetterWords = LetterWords {
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

const GERMAN: LetterWords = LetterWords {
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

const FRENCH: LetterWords = LetterWords {
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

const SPANISH: LetterWords = LetterWords {
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
