//! German. A credit note is a Rechnungskorrektur: "Gutschrift" is what the law calls a self-billed invoice (§ 14 UStG).
//! It must not know where on a document a word stands.

use domain::document::LegalNote;

use super::Words;

/// The words.
pub(super) const WORDS: Words = Words {
    invoice: "Rechnung",
    receipt: "Quittung",
    credit_note: "Rechnungskorrektur",
    vat: "USt.",
    tax: "Steuer",
    from: "Von",
    customer: "Kunde",
    vat_id: "USt-IdNr.",
    tax_id: "Steuernr.",
    issued_on: "Rechnungsdatum",
    supplied_on: "Leistungsdatum",
    due_on: "Fällig am",
    of_invoice: "Rechnung",
    of_invoice_issued_on: "Datum der Rechnung",
    amount_due: "Zu zahlen",
    due_by: "Zahlbar bis {}",
    overdue: "Überfällig: war zahlbar bis {}",
    amount_paid: "Bezahlter Betrag",
    paid_on: "Bezahlt am {}",
    settled_on: "Durch Gutschrift ausgeglichen am {}",
    void: "Storniert",
    voided_on: "Storniert am {}. Es ist nichts zu zahlen.",
    amount_received: "Erhaltener Betrag",
    received_on: "Erhalten am {}",
    amount_credited: "Gutgeschriebener Betrag",
    corrects: "Korrigiert Rechnung {} vom {}",
    pay_online: "Online bezahlen",
    scan_to_pay: "Zum Bezahlen scannen",
    qr_alt: "QR-Code, der die Zahlungsseite öffnet, {}",
    lines: "Positionen",
    position: "Pos.",
    description: "Beschreibung",
    quantity: "Menge",
    unit_price: "Einzelpreis",
    amount: "Betrag",
    exclusive: "ohne {}",
    inclusive: "inkl. {}",
    total: "Summe",
    tax_total: "Summe {}",
    paid: "Bezahlt",
    credited: "Gutgeschrieben",
    tax_breakdown: "{} je Steuersatz",
    rate: "Steuersatz",
    taxable_amount: "Bemessungsgrundlage",
    untaxed: "Ohne {}",
    tax_in_sellers_currency: "{} in {}: {} (1 {} = {}, {})",
    payments: "Zahlungen",
    date: "Datum",
    reference: "Referenz",
    refunded: "Erstattet",
    overpaid: "Zu viel gezahlt, wird erstattet",
    discount: "Rabatt {}",
    reason: "Grund: {}",
    notes: "Hinweise",
    on_line: "Position {}.",
    on_lines: "Positionen {}.",
    article: "Artikel {} der Richtlinie 2006/112/EG",
    articles: "Artikel {} der Richtlinie 2006/112/EG",
    and: "und",
    payment_instructions: "Zahlungshinweise",
    page: "Seite {} von {}",
    legal,
};

const fn legal(note: LegalNote) -> &'static str {
    match note {
        LegalNote::ReverseCharge => "Steuerschuldnerschaft des Leistungsempfängers",
        LegalNote::DomesticReverseCharge => "Steuerschuldnerschaft des Leistungsempfängers im Inland",
        LegalNote::IntraCommunitySupply => "Steuerfreie innergemeinschaftliche Lieferung",
        LegalNote::TriangularSupply => {
            "Innergemeinschaftliches Dreiecksgeschäft, Steuerschuldnerschaft des Leistungsempfängers"
        }
        LegalNote::Export => "Steuerfreie Ausfuhrlieferung",
        LegalNote::ExemptSupply => "Steuerfreier Umsatz",
        LegalNote::ExemptCustomer => "Steuerfrei, diplomatische Mission oder internationale Einrichtung",
        LegalNote::SmallEnterprise => "Kleinunternehmer, steuerfrei",
        LegalNote::OutsideScope => "Nicht steuerbar in der Europäischen Union",
        LegalNote::CashAccounting => "Besteuerung nach vereinnahmten Entgelten",
        LegalNote::SelfBilling => "Gutschrift",
        LegalNote::MarginSchemeTravelAgents => "Sonderregelung für Reisebüros",
        LegalNote::MarginSchemeSecondHandGoods => "Gebrauchtgegenstände/Sonderregelung",
        LegalNote::MarginSchemeWorksOfArt => "Kunstgegenstände/Sonderregelung",
        LegalNote::MarginSchemeCollectorsItems => "Sammlungsstücke und Antiquitäten/Sonderregelung",
    }
}
