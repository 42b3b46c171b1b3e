//! Documents to render: such as a company sends, and such as are at the edge of what can be.
use domain::document::{
    AppliedNote, CorrectedInvoice, CreditNoteFigures, Document, DocumentDetails, DocumentLine, DocumentTaxSubtotal,
    Language, LegalNote, LinePrice, LineRate, PaymentUrl, TaxInSellersCurrency,
};
use domain::id::{InvoiceId, InvoiceLineId, PaymentId, TaxRateId};
use domain::invoice::{Finalization, Invoice, InvoiceContent, InvoiceItem, PartySnapshot};
use domain::metadata::Metadata;
use domain::money::{Currency, ExchangeRate, Money, Quantity, UnitPrice};
use domain::party::{Address, Email};
use domain::payment::{NewPayment, Payment, PaymentKind};
use domain::provider::ProviderRef;
use domain::seller::SellerId;
use domain::tax::{
    AppliedRate, Percentage, RatedLine, TaxBehavior, TaxCalculation, TaxCategory, TaxRate, TaxRounding, TaxTreatment,
    compute,
};
use domain::tax_id::TaxId;
use domain::text::{Description, DisplayName, DocumentFooter, DocumentMemo, PartyName, PaymentInstructions};
use domain::timestamp::Timestamp;
use rust_decimal::Decimal;
use time::macros::date;
use uuid::Uuid;

/// 2026-03-02, noon.
pub(crate) const ISSUED: Timestamp = Timestamp::from_unix_seconds(1_772_452_800);

/// What a line is made of: description, quantity, unit price in minor units, and percentages.
pub(crate) struct Item<'a>(pub(crate) &'a str, pub(crate) i64, pub(crate) &'a str, pub(crate) &'a [&'a str]);

/// A currency by its code.
pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a sample is valid")
}

/// A party by its name, street, place, country and tax id.
pub(crate) fn party(name: &str, [line1, postal_code, city, country, id]: [&str; 5]) -> PartySnapshot {
    PartySnapshot {
        name: Some(PartyName::parse(name).expect("a sample is valid")),
        address: Some(Address::parse([line1, "", postal_code, city, ""], country).expect("a sample is valid")),
        email: Email::parse("billing@example.com").ok(),
        tax_ids: vec![TaxId::parse(id).expect("a sample is valid")],
    }
}

/// The seller of most samples.
pub(crate) fn seller() -> PartySnapshot {
    party("Nordljus Drift AB", ["Storgatan 1", "111 22", "Stockholm", "SE", "SE556000000101"])
}

/// The buyer of most samples.
pub(crate) fn buyer() -> PartySnapshot {
    party("Müller & Söhne Maschinenbau GmbH", ["Lindenstraße 12", "10969", "Berlin", "DE", "DE136695976"])
}

fn rate(name: &str, percentage: &str) -> AppliedRate {
    let named = (
        DisplayName::parse(name).expect("a sample is valid"),
        Percentage::parse(percentage.parse().expect("a sample is valid")).expect("a sample is valid"),
        None,
    );
    let seller = SellerId::parse("north").expect("a sample is valid");
    TaxRate::new(TaxRateId::from_uuid(Uuid::nil()), seller, named, Metadata::default(), ISSUED).applied()
}

/// An open invoice.
pub(crate) fn invoice(
    currency: Currency,
    behaviors: &[TaxBehavior],
    items: &[Item<'_>],
    (seller, buyer): (PartySnapshot, Option<PartySnapshot>),
    description: Option<&str>,
) -> Invoice {
    let behavior = |index: usize| behaviors[index % behaviors.len()];
    let items_of = |(index, Item(text, count, price, _)): (usize, &Item<'_>)| InvoiceItem {
        description: Description::parse(text).expect("a sample is valid"),
        quantity: Quantity::parse(*count).expect("a sample is valid"),
        unit_price: UnitPrice::parse(price.parse().expect("a sample is valid"), currency).expect("a sample is valid"),
        tax_behavior: behavior(index),
        tax_treatment: TaxTreatment::Manual(Vec::new()),
        price_id: None,
        shipping_rate_id: None,
        discount: None,
    };
    let contents: Vec<InvoiceItem> = items.iter().enumerate().map(items_of).collect();
    let rated: Vec<RatedLine> = contents
        .iter()
        .zip(items)
        .map(|(item, Item(.., percentages))| {
            let amount = item.unit_price.times(item.quantity).expect("a sample is valid");
            let rates = percentages.iter().map(|percentage| rate("Moms", percentage)).collect();
            RatedLine::manual(amount, item.tax_behavior, rates)
        })
        .collect();
    let tax = compute(currency, TaxRounding::default(), &rated).expect("a sample is valid");
    finalized(currency, contents, tax, (seller, buyer), description)
}

fn finalized(
    currency: Currency,
    items: Vec<InvoiceItem>,
    tax: TaxCalculation,
    (seller, buyer): (PartySnapshot, Option<PartySnapshot>),
    description: Option<&str>,
) -> Invoice {
    let line_ids = (0..items.len()).map(|n| InvoiceLineId::from_uuid(Uuid::from_u128(n as u128))).collect();
    let content = InvoiceContent {
        customer_id: None,
        currency,
        items,
        discount: None,
        tax_rounding: None,
        description: description.map(|text| Description::parse(text).expect("a sample is valid")),
        tax_point: None,
        due_date: None,
        tax_exchange_rate: None,
        metadata: Metadata::default(),
    };
    let ids = (InvoiceId::from_uuid(Uuid::from_u128(7)), line_ids);
    let with_tax = (TaxRounding::default(), tax.clone());
    let mut invoice =
        Invoice::draft(ids, SellerId::parse("north").expect("a sample is valid"), content, with_tax, ISSUED)
            .expect("a sample is valid");
    let finalization = Finalization {
        number: "INV-2026-00042".to_owned(),
        series: "INV".to_owned(),
        sequence: 42,
        finalized_at: ISSUED,
        tax_point: date!(2026 - 02 - 28),
        due_date: date!(2026 - 04 - 01),
        seller,
        buyer,
    };
    invoice.finalize(finalization, tax).expect("a sample is valid");
    invoice
}

/// What a caller adds to most samples.
pub(crate) fn details(language: Language) -> DocumentDetails {
    DocumentDetails {
        language,
        payment_url: Some(PaymentUrl::parse("https://pay.example.com/l/plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968").expect("a sample is valid")),
        payment_instructions: Some(
            PaymentInstructions::parse("IBAN SE45 5000 0000 0583 9825 7466, BIC ESSESESS\nOCR 2026 0004 2").expect("a sample is valid"),
        ),
        footer: Some(
            DocumentFooter::parse(
                "Bolagsverket 556000-0001. Godkänd för F-skatt. Styrelsens säte: Stockholm. Late payment interest by law.",
            )
            .expect("a sample is valid"),
        ),
        ..DocumentDetails::default()
    }
}

/// An invoice of a few lines, with two rates and one line without tax.
pub(crate) fn common_invoice() -> Invoice {
    let items = [
        Item("Web hosting, business plan\nMarch 2026, 12 nodes in two data centres", 12, "128700", &["25"]),
        Item(
            "Consulting: migration of the mail platform, including documentation and training of staff",
            3,
            "95050.5",
            &["25"],
        ),
        Item("Handbook, printed", 40, "14990", &["6"]),
        Item("Object storage, per GB and hour", 250_000, "0.0125", &["25"]),
        Item("Insurance", 1, "45000", &[]),
    ];
    invoice(
        currency("SEK"),
        &[TaxBehavior::Exclusive],
        &items,
        (seller(), Some(buyer())),
        Some("Order 4711, contact: Åsa Lindqvist"),
    )
}

/// The common invoice as a document.
pub(crate) fn common(language: Language) -> Document {
    let details = DocumentDetails {
        memo: Some(
            DocumentMemo::parse("Tack för ditt förtroende – thank you for your business.").expect("a sample is valid"),
        ),
        ..details(language)
    };
    Document::of_invoice(&common_invoice(), details).expect("a sample is valid")
}

/// An overdue invoice with legal notes on some lines, and the tax in the seller's currency.
pub(crate) fn noted(language: Language) -> Document {
    let items = [
        Item("Software licence", 5, "120000", &[]),
        Item("Machine parts", 2, "4500000", &[]),
        Item("Support", 1, "50000", &["25"]),
        Item("Training", 1, "75000", &[]),
    ];
    let invoice = invoice(currency("EUR"), &[TaxBehavior::Exclusive], &items, (seller(), Some(buyer())), None);
    let national = TaxInSellersCurrency {
        tax: Money::new(140_431, currency("SEK")),
        exchange_rate: ExchangeRate::parse("11.2345".parse().expect("a sample is valid")).expect("a sample is valid"),
        rate_date: date!(2026 - 02 - 27),
    };
    let details = DocumentDetails {
        legal_notes: vec![
            AppliedNote { note: LegalNote::ReverseCharge, lines: vec![0, 3] },
            AppliedNote { note: LegalNote::IntraCommunitySupply, lines: vec![1] },
            AppliedNote::on_all(LegalNote::CashAccounting),
        ],
        is_overdue: true,
        tax_in_sellers_currency: Some(national),
        ..details(language)
    };
    Document::of_invoice(&invoice, details).expect("a sample is valid")
}

/// A receipt for a part of an invoice whose prices have their tax inside.
pub(crate) fn receipt(language: Language) -> Document {
    let items = [Item("Årskort, vuxen", 2, "249900", &["25"]), Item("Bok", 1, "19900", &["6"])];
    let mut invoice = invoice(currency("SEK"), &[TaxBehavior::Inclusive], &items, (seller(), Some(buyer())), None);
    let first = Money::new(200_000, currency("SEK"));
    let payment = payment(&invoice, first);
    invoice.receive(first, ISSUED).expect("a sample is valid");
    Document::receipt_of_invoice(&invoice, &[payment], details(language)).expect("a sample is valid")
}

fn payment(invoice: &Invoice, amount: Money) -> Payment {
    let new = NewPayment {
        id: PaymentId::from_uuid(Uuid::from_u128(0x0193_a5c2_e8b2_7c3a_9f0e_1d2c_3b4a_5968)),
        seller_id: invoice.seller_id.clone(),
        kind: PaymentKind::Checkout,
        provider: "acquirer".parse().expect("a sample is valid"),
        invoice_id: Some(invoice.id),
        payment_link_id: None,
        checkout_session_id: None,
        customer_id: None,
        subtotal: amount,
        tax: Money::zero(amount.currency()),
        total: amount,
        description: None,
        metadata: Metadata::default(),
        expires_at: None,
        livemode: false,
    };
    let mut payment = Payment::pending(new, ISSUED);
    let session = domain::id::CheckoutSessionId::from_uuid(Uuid::from_u128(2));
    payment.succeed((ProviderRef("p_1".to_owned()), session), amount, Vec::new(), ISSUED);
    payment
}

/// A credit note with a plain sum, a negative line and a reason.
pub(crate) fn credit_note(language: Language) -> Document {
    let money = |minor| Money::new(minor, currency("EUR"));
    let rates = vec![LineRate {
        name: DisplayName::parse("Moms").expect("a sample is valid"),
        percentage: Percentage::parse(Decimal::from(25)).expect("a sample is valid"),
    }];
    let line = |text: &str, price: Option<(i64, i64)>, net: i64, tax: i64| DocumentLine {
        description: Description::parse(text).expect("a sample is valid"),
        price: price.map(|(count, minor)| LinePrice {
            quantity: Quantity::parse(count).expect("a sample is valid"),
            unit_price: UnitPrice::parse(minor.into(), currency("EUR")).expect("a sample is valid"),
        }),
        discount: None,
        behavior: TaxBehavior::Exclusive,
        net: money(net),
        tax: money(tax),
        gross: money(net + tax),
        rates: rates.clone(),
    };
    let subtotal = DocumentTaxSubtotal {
        category: TaxCategory::Standard,
        rate: rates.first().cloned(),
        jurisdiction: Some("SE".to_owned()),
        base: money(115_000),
        tax: money(28_750),
    };
    let figures = CreditNoteFigures {
        number: "CN-2026-00003".to_owned(),
        issued_on: date!(2026 - 03 - 20),
        supplied_on: Some(date!(2026 - 03 - 18)),
        corrects: CorrectedInvoice { number: "INV-2026-00042".to_owned(), issued_on: date!(2026 - 03 - 02) },
        reason: Some(Description::parse("One of the machines was returned.").expect("a sample is valid")),
        seller: seller(),
        buyer: Some(buyer()),
        currency: currency("EUR"),
        lines: vec![
            line("Machine, returned", Some((1, 120_000)), 120_000, 30_000),
            line("Handling of the return", None, -5_000, -1_250),
        ],
        tax_subtotals: vec![subtotal],
        net: money(115_000),
        tax: money(28_750),
        gross: money(143_750),
    };
    Document::credit_note(figures, details(language)).expect("a sample is valid")
}

/// An invoice of so many lines.
pub(crate) fn long(lines: usize) -> Document {
    let text = |n: usize| format!("Item {n}: spare part for line {n} of the plant in Västerås, with delivery");
    let texts: Vec<String> = (1..=lines).map(text).collect();
    let items: Vec<Item<'_>> = texts.iter().map(|text| Item(text, 3, "1234.5", &["25"])).collect();
    let invoice = invoice(currency("SEK"), &[TaxBehavior::Exclusive], &items, (seller(), Some(buyer())), None);
    Document::of_invoice(&invoice, details(Language::English)).expect("a sample is valid")
}

/// Everything as long as it may be.
pub(crate) fn extreme(language: Language) -> Document {
    let word = "W".repeat(200);
    let long_party = || PartySnapshot {
        name: Some(PartyName::parse(&"Wolframmüller ".repeat(17)).expect("a sample is valid")),
        address: Some(Address::parse([&word, &word, &word, &word, &word], "GS").expect("a sample is valid")),
        email: Email::parse(&format!("{}@example.com", "w".repeat(200))).ok(),
        tax_ids: (0..5).map(|n| TaxId::parse(&format!("QQ55600000000000000{n}")).expect("a sample is valid")).collect(),
    };
    let many_lines = "a\n".repeat(250);
    let wide = "w".repeat(500);
    let items = [
        Item(&word, 1, "999999999998.999999999999", &["25", "6.1234", "0.0001", "12", "56.8765"]),
        Item(&many_lines, 999_999, "0.000000000001", &["100"]),
        Item(&wide, 999_999, "123456.123456", &[]),
    ];
    let behaviors = [TaxBehavior::Exclusive, TaxBehavior::Inclusive, TaxBehavior::Exclusive];
    let invoice = invoice(currency("KWD"), &behaviors, &items, (long_party(), Some(long_party())), Some(&wide));
    let url = format!("https://pay.example.com/{}", "x".repeat(PaymentUrl::BYTES_MAX - 24));
    let text = |words: usize| "Wörterbuchübersetzung ".repeat(words);
    let details = DocumentDetails {
        language,
        legal_notes: LegalNote::ALL.map(|note| AppliedNote { note, lines: vec![0, 2] }).to_vec(),
        payment_url: Some(PaymentUrl::parse(&url).expect("a sample is valid")),
        payment_instructions: Some(PaymentInstructions::parse(&text(45)).expect("a sample is valid")),
        memo: Some(DocumentMemo::parse(&text(45)).expect("a sample is valid")),
        footer: Some(DocumentFooter::parse(&text(90)).expect("a sample is valid")),
        is_overdue: true,
        tax_in_sellers_currency: None,
    };
    Document::of_invoice(&invoice, details).expect("a sample is valid")
}

/// A simplified invoice to nobody by a seller of whom nothing is known.
pub(crate) fn bare(code: &str) -> Document {
    let nobody = PartySnapshot { name: None, address: None, email: None, tax_ids: Vec::new() };
    let items = [Item("漢字 \u{e000} \u{1F469}\u{200d}\u{1F680} שלום e\u{301}", 1, "1", &[])];
    let invoice = invoice(currency(code), &[TaxBehavior::Inclusive], &items, (nobody, None), None);
    Document::of_invoice(&invoice, DocumentDetails::default()).expect("a sample is valid")
}
