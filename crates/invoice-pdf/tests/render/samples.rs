//! Documents to render: such as a company sends, and such as are at the edge of what can be.
use domain::bank_account::{Bankgiro, Bic, Iban};
use domain::catalog::PercentOff;
use domain::credit_note::{
    CreditNote, CreditNoteNumber, CreditPart, CreditReason, CreditRequest, CreditScope, LineCredit,
};
use domain::discount::Discount;
use domain::document::{AppliedNote, Document, DocumentDetails, Language, LegalNote, PaymentUrl};
use domain::id::{CreditNoteId, InvoiceId, InvoiceLineId, PaymentId, TaxRateId};
use domain::invoice::{Finalization, Invoice, InvoiceContent, InvoiceItem, PartySnapshot};
use domain::letterhead::{Letterhead, ReferenceFormat, TransferInstructions, Website};
use domain::metadata::Metadata;
use domain::money::{Currency, ExchangeRate, Money, Quantity, UnitPrice};
use domain::party::{Address, Email};
use domain::payment::{NewPayment, Payment, PaymentKind};
use domain::provider::ProviderRef;
use domain::seller::SellerId;
use domain::tax::{
    AppliedRate, Percentage, RatedLine, TaxBehavior, TaxCalculation, TaxExchangeRate, TaxRate, TaxRounding,
    TaxTreatment, compute,
};
use domain::tax_id::TaxId;
use domain::text::{
    Description, DisplayName, DocumentFooter, DocumentMemo, LetterheadText, PartyName, PaymentInstructions,
};
use domain::timestamp::Timestamp;
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

/// The letterhead of most samples.
pub(crate) fn letterhead() -> Letterhead {
    Letterhead {
        registration_number: LetterheadText::parse("556000-0001").ok(),
        registered_office: LetterheadText::parse("Stockholm").ok(),
        phone: LetterheadText::parse("+46 8 123 45 67").ok(),
        website: Website::parse("https://nordljus.example").ok(),
        transfer: Some(TransferInstructions {
            iban: Iban::parse("SE45 5000 0000 0583 9825 7466").ok(),
            bic: Bic::parse("ESSESESS").ok(),
            bankgiro: Bankgiro::parse("160-9908").ok(),
            reference: ReferenceFormat::default(),
            text: PaymentInstructions::parse("Payments from abroad: charges are shared.").ok(),
        }),
        footer: DocumentFooter::parse("Godkänd för F-skatt. Late payment interest by law.").ok(),
    }
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
    parties: (PartySnapshot, Letterhead, Option<PartySnapshot>),
    description: Option<&str>,
) -> Invoice {
    with_discount(currency, behaviors, items, parties, (description, None))
}

fn with_discount(
    currency: Currency,
    behaviors: &[TaxBehavior],
    items: &[Item<'_>],
    parties: (PartySnapshot, Letterhead, Option<PartySnapshot>),
    (description, discount): (Option<&str>, Option<Discount>),
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
    let content = InvoiceContent {
        discount,
        description: description.map(|text| Description::parse(text).expect("a sample is valid")),
        ..InvoiceContent::new(currency, contents)
    };
    let taxable = content.taxable_lines().expect("a sample is valid");
    let rated: Vec<RatedLine> = taxable
        .into_iter()
        .zip(items)
        .map(|(line, Item(.., percentages))| {
            let rates: Vec<_> = percentages.iter().map(|percentage| rate("Moms", percentage)).collect();
            RatedLine::manual(line.amount, line.behavior, rates)
        })
        .collect();
    let tax = compute(currency, TaxRounding::default(), &rated).expect("a sample is valid");
    finalized(content, tax, parties)
}

fn finalized(
    content: InvoiceContent,
    tax: TaxCalculation,
    (seller, letterhead, buyer): (PartySnapshot, Letterhead, Option<PartySnapshot>),
) -> Invoice {
    let line_ids = (0..content.items.len()).map(|n| InvoiceLineId::from_uuid(Uuid::from_u128(n as u128))).collect();
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
        letterhead,
        buyer,
    };
    invoice.finalize(finalization, tax).expect("a sample is valid");
    invoice
}

/// What a caller adds to most samples.
pub(crate) fn details(language: Language) -> DocumentDetails {
    DocumentDetails {
        language,
        payment_url: Some(
            PaymentUrl::parse("https://pay.example.com/l/plink_0193a5c2e8b27c3a9f0e1d2c3b4a5968")
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
        (seller(), letterhead(), Some(buyer())),
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
    let invoice =
        invoice(currency("EUR"), &[TaxBehavior::Exclusive], &items, (seller(), letterhead(), Some(buyer())), None);
    let rate = TaxExchangeRate {
        currency: currency("SEK"),
        rate: ExchangeRate::parse("11.2345".parse().expect("a sample is valid")).expect("a sample is valid"),
        date: date!(2026 - 02 - 27),
        source: DisplayName::parse("Sveriges Riksbank").expect("a sample is valid"),
    };
    let national = rate.exchange(invoice.tax.tax).expect("a sample is valid");
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
    let mut invoice =
        invoice(currency("SEK"), &[TaxBehavior::Inclusive], &items, (seller(), letterhead(), Some(buyer())), None);
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

/// An invoice with a tenth off that was paid, and of which a piece was credited afterwards.
pub(crate) fn discounted_and_credited(language: Language) -> Document {
    let tenth = PercentOff::parse(10.into()).map(Discount::Percent).ok();
    let items = [Item("Consulting", 12, "14000", &["25"])];
    let parties = (seller(), letterhead(), Some(buyer()));
    let mut invoice = with_discount(currency("EUR"), &[TaxBehavior::Exclusive], &items, parties, (None, tenth));
    invoice.receive(invoice.total(), ISSUED).expect("a sample is valid");
    let one = CreditPart::Quantity(Quantity::parse(1).expect("a sample is valid"));
    credit(&mut invoice, vec![(0, one)]);
    Document::of_invoice(&invoice, details(language)).expect("a sample is valid")
}

/// A credit note for a part of the common invoice: a piece of one line, and a plain sum of another.
pub(crate) fn credit_note(language: Language) -> Document {
    let mut invoice = common_invoice();
    let pieces = CreditPart::Quantity(Quantity::parse(2).expect("a sample is valid"));
    let sum = CreditPart::Amount(Money::new(50_000, currency("SEK")));
    let note = credit(&mut invoice, vec![(0, pieces), (2, sum)]);
    Document::of_credit_note(&note, &invoice, details(language)).expect("a sample is valid")
}

fn credit(invoice: &mut Invoice, parts: Vec<(usize, CreditPart)>) -> CreditNote {
    let of_line = |(index, part): (usize, CreditPart)| LineCredit { line_id: invoice.lines[index].id, part };
    let request = CreditRequest {
        scope: CreditScope::Lines(parts.into_iter().map(of_line).collect()),
        reason: CreditReason::ProductUnsatisfactory,
        memo: None,
        metadata: Metadata::default(),
    };
    let number = CreditNoteNumber { number: "CN-2026-00003".to_owned(), series: "CN".to_owned(), sequence: 3 };
    let id = CreditNoteId::from_uuid(Uuid::from_u128(3));
    CreditNote::issue(invoice, request, (id, number), ISSUED).expect("a sample is valid")
}

/// An invoice of so many lines.
pub(crate) fn long(lines: usize) -> Document {
    let text = |n: usize| format!("Item {n}: spare part for line {n} of the plant in Västerås, with delivery");
    let texts: Vec<String> = (1..=lines).map(text).collect();
    let items: Vec<Item<'_>> = texts.iter().map(|text| Item(text, 3, "1234.5", &["25"])).collect();
    let invoice =
        invoice(currency("SEK"), &[TaxBehavior::Exclusive], &items, (seller(), letterhead(), Some(buyer())), None);
    Document::of_invoice(&invoice, details(Language::English)).expect("a sample is valid")
}

/// Everything as long as it may be.
pub(crate) fn extreme(language: Language) -> Document {
    let word = "W".repeat(200);
    let long_party = || PartySnapshot {
        name: Some(PartyName::parse(&"Wolframmüller ".repeat(17)).expect("a sample is valid")),
        address: Some(Address::parse([&word, &word, &word, &word, &word], "GS").expect("a sample is valid")),
        email: Email::parse(&format!("{}@example.com", "w".repeat(200))).ok(),
        tax_ids: (0..5).map(|n| TaxId::parse(&format!("QQWWWWWWWWWWWWWWWWW{n}")).expect("a sample is valid")).collect(),
    };
    let many_lines = "a\n".repeat(250);
    let wide = "w".repeat(500);
    let items = [
        Item(&word, 1, "999999999998.999999999999", &["25", "6.1234", "0.0001", "12", "56.8765"]),
        Item(&many_lines, 999_999, "0.000000000001", &["100"]),
        Item(&wide, 999_999, "123456.123456", &[]),
    ];
    let behaviors = [TaxBehavior::Exclusive, TaxBehavior::Inclusive, TaxBehavior::Exclusive];
    let text = |words: usize| "Wörterbuchübersetzung ".repeat(words);
    let fact = || LetterheadText::parse(&"W".repeat(LetterheadText::CHARS_MAX)).ok();
    let long_letterhead = Letterhead {
        registration_number: fact(),
        registered_office: fact(),
        phone: fact(),
        website: Website::parse(&format!("https://example.com/{}", "w".repeat(180))).ok(),
        transfer: Some(TransferInstructions {
            iban: Iban::parse("MT84MALT011000012345MTLCAST001S").ok(),
            bic: Bic::parse("DEUTDEFF500").ok(),
            bankgiro: Bankgiro::parse("5050-1055").ok(),
            reference: ReferenceFormat::parse(&format!("{} {{number}}", "W".repeat(31))).expect("a sample is valid"),
            text: Some(PaymentInstructions::parse(&text(45)).expect("a sample is valid")),
        }),
        footer: Some(DocumentFooter::parse(&text(90)).expect("a sample is valid")),
    };
    let invoice =
        invoice(currency("KWD"), &behaviors, &items, (long_party(), long_letterhead, Some(long_party())), Some(&wide));
    let url = format!("https://pay.example.com/{}", "x".repeat(PaymentUrl::BYTES_MAX - 24));
    let details = DocumentDetails {
        language,
        legal_notes: LegalNote::ALL.map(|note| AppliedNote { note, lines: vec![0, 2] }).to_vec(),
        payment_url: Some(PaymentUrl::parse(&url).expect("a sample is valid")),
        memo: Some(DocumentMemo::parse(&text(45)).expect("a sample is valid")),
        is_overdue: true,
        tax_in_sellers_currency: None,
    };
    Document::of_invoice(&invoice, details).expect("a sample is valid")
}

/// A simplified invoice to nobody by a seller of whom nothing is known.
pub(crate) fn bare(code: &str) -> Document {
    let nobody = PartySnapshot { name: None, address: None, email: None, tax_ids: Vec::new() };
    let items = [Item("漢字 \u{e000} \u{1F469}\u{200d}\u{1F680} שלום e\u{301}", 1, "1", &[])];
    let invoice =
        invoice(currency(code), &[TaxBehavior::Inclusive], &items, (nobody, Letterhead::default(), None), None);
    Document::of_invoice(&invoice, DocumentDetails::default()).expect("a sample is valid")
}
