//! Documents as PDF: what an invoice must say by law, in every language, and the receipts and credit notes beside it.
//!
//! The text is read by another program than the one that wrote it.

use std::path::Path;

use api_proto::v1;
use tokio::process::Command;
use tonic::{Code, Status};

use crate::credit_notes;
use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, invoice_request, item_tax, line, needs, on_both_databases, sek, unique,
};

on_both_databases!(
    an_invoice_says_what_the_law_asks_in_every_language,
    an_exempt_customer_and_what_leaves_the_union_have_their_mentions,
    an_invoice_of_a_thousand_lines_is_rendered,
    a_receipt_comes_with_the_money_and_a_credit_note_with_its_invoice,
    what_has_no_document_is_refused_by_name,
);

/// A seller in Sweden with a VAT id.
pub(crate) const SELLER: &str = r#"
[[sellers]]
id = "nordljus"
name = "Nordljus Drift AB"
country = "SE"
line1 = "Storgatan 1"
postal_code = "111 22"
city = "Stockholm"
tax_ids = ["SE556000000101"]
tax_registrations = [{ country = "SE" }, { country = "SE", scheme = "union_oss" }]
currency = "SEK"
registration_number = "556000-0001"
registered_office = "Stockholm"
transfer = { iban = "SE45 5000 0000 0583 9825 7466", bic = "ESSESESS", bankgiro = "160-9908", reference = "Ref {number}" }
"#;

const LANGUAGES: [&str; 5] = ["en", "sv", "de", "fr", "es"];

/// A customer of a country, with a VAT id if it is not empty.
pub(crate) async fn customer(server: &Server, (country, tax_id, locale): (&str, &str, &str)) -> v1::Customer {
    let request = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: "Müller & Söhne GmbH".to_owned(),
        address: Some(v1::Address {
            line1: "Lindenstraße 12".to_owned(),
            postal_code: "10969".to_owned(),
            city: "Berlin".to_owned(),
            country_code: country.to_owned(),
            ..v1::Address::default()
        }),
        tax_ids: Some(tax_id.to_owned()).filter(|id| !id.is_empty()).into_iter().collect(),
        locale: locale.to_owned(),
        ..v1::CreateCustomerRequest::default()
    };
    server.customers().create_customer(request).await.unwrap().into_inner().customer.unwrap()
}

pub(crate) async fn finalized(
    server: &Server,
    customer: &v1::Customer,
    lines: Vec<v1::InvoiceLineInput>,
) -> v1::Invoice {
    let request = v1::CreateInvoiceRequest {
        customer_id: customer.id.clone(),
        lines,
        finalize: true,
        tax_point: Some(v1::Date { year: 2026, month: 5, day: 31 }),
        due_date: Some(v1::Date { year: 2097, month: 3, day: 9 }),
        ..invoice_request()
    };
    server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
}

pub(crate) fn priced(name: &str, quantity: i64, minor: i64, tax_code: &str) -> v1::InvoiceLineInput {
    let price = v1::InlinePrice { unit_price: Some(sek(minor)), tax_behavior: v1::TaxBehavior::Exclusive as i32 };
    v1::InvoiceLineInput {
        description: name.to_owned(),
        quantity,
        price: Some(v1::invoice_line_input::Price::PriceData(price)),
        tax: Some(item_tax(tax_code)),
        discount: None,
    }
}

async fn try_render(
    server: &Server,
    id: &str,
    kind: v1::InvoiceDocumentKind,
    language: &str,
) -> Result<v1::RenderedDocument, Status> {
    let request = v1::RenderInvoiceRequest { id: id.to_owned(), kind: kind as i32, language: language.to_owned() };
    Ok(server.invoices().render_invoice(request).await?.into_inner().document.unwrap())
}

async fn rendered(server: &Server, id: &str, language: &str) -> v1::RenderedDocument {
    try_render(server, id, v1::InvoiceDocumentKind::Invoice, language).await.unwrap()
}

/// What a person reads in a PDF, with white space as single spaces; nothing where there is no reader.
pub(crate) async fn text(content: &[u8]) -> Option<String> {
    assert!(content.starts_with(b"%PDF-"), "it is a PDF");
    let (reader, checker) = (needs("PAYLINKS_TEST_PDFTOTEXT")?, needs("PAYLINKS_TEST_QPDF")?);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("document.pdf");
    std::fs::write(&path, content).unwrap();
    let run = async |program: &str, arguments: &[&str], path: &Path, after: &[&str]| {
        let output = Command::new(program).args(arguments).arg(path).args(after).output().await.unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&checker, &["--check"], &path, &[]).await;
    let text = run(&reader, &["-layout", "-enc", "UTF-8"], &path, &["-"]).await;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn check(text: &str, said: &[&str]) {
    for part in said {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

async fn an_invoice_says_what_the_law_asks_in_every_language(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let (german, swede) = (
        customer(&server, ("DE", "DE136695976", "de-AT")).await,
        customer(&server, ("SE", "SE556703748501", "fi")).await,
    );
    let service = finalized(&server, &german, vec![priced("Wartung", 3, 123_450, "electronic_service")]).await;
    let taxed = vec![priced("Drift", 3, 123_450, "electronic_service"), priced("Handbok", 2, 9_900, "book")];
    let taxed = finalized(&server, &swede, taxed).await;
    let link = server.invoice_link(&taxed.id).await.unwrap();

    let mentions = [
        "Reverse charge (Articles 44 and 196 of Directive 2006/112/EC)",
        "Omvänd betalningsskyldighet (artiklarna 44 och 196 i direktiv 2006/112/EG)",
        "Steuerschuldnerschaft des Leistungsempfängers (Artikel 44 und 196 der Richtlinie 2006/112/EG)",
        "Autoliquidation (articles 44 et 196 de la directive 2006/112/CE)",
        "Inversión del sujeto pasivo (artículos 44 y 196 de la Directiva 2006/112/CE)",
    ];
    let supplied = ["31 May 2026", "2026-05-31", "31.05.2026", "31/05/2026", "31/05/2026"];
    let due = ["9 March 2097", "2097-03-09", "09.03.2097", "09/03/2097", "09/03/2097"];
    // Unit price, taxable amount and tax at each rate, and the total.
    let figures = [
        ["1,234.50", "3,703.50", "925.88", "198.00", "11.88", "SEK 4,839.26"],
        ["1 234,50", "3 703,50", "925,88", "198,00", "11,88", "4 839,26 SEK"],
        ["1.234,50", "3.703,50", "925,88", "198,00", "11,88", "4.839,26 SEK"],
        ["1 234,50", "3 703,50", "925,88", "198,00", "11,88", "4 839,26 SEK"],
        ["1.234,50", "3.703,50", "925,88", "198,00", "11,88", "4.839,26 SEK"],
    ];
    for (index, language) in LANGUAGES.into_iter().enumerate() {
        let document = rendered(&server, &service.id, language).await;
        assert_eq!(
            (document.content_type.as_str(), document.file_name),
            ("application/pdf", format!("{}.pdf", service.number))
        );
        let Some(said) = text(&document.content).await else { return };
        let parties = ["Nordljus Drift AB", "Storgatan 1", "111 22 Stockholm", "SE556000000101"];
        check(&said, &parties);
        check(&said, &["Müller & Söhne GmbH", "Lindenstraße 12", "10969 Berlin", "DE136695976"]);
        check(&said, &[&service.number, "Wartung", mentions[index], supplied[index], due[index]]);
        assert!(!said.contains("925"), "nothing is taxed: {said}");

        let said = text(&rendered(&server, &taxed.id, language).await.content).await.unwrap();
        check(&said, &parties);
        check(&said, &["SE556703748501", &taxed.number, "Drift", "Handbok", &link.url, supplied[index], due[index]]);
        check(&said, &figures[index]);
        // Between a number and its sign a reader may take a narrow space for none.
        check(&said.replace(' ', ""), &["25%3", "6%198"]);
        assert!(!said.contains("2006/112"), "no mention is due: {said}");
    }
    // The customer's language, whatever its region, and English where documents don't speak it.
    let said = text(&rendered(&server, &service.id, "").await.content).await.unwrap();
    check(&said, &["Rechnung"]);
    let said = text(&rendered(&server, &taxed.id, "").await.content).await.unwrap();
    check(&said, &["Invoice", "Date of supply"]);
    assert_eq!(rendered(&server, &taxed.id, "sv").await, rendered(&server, &taxed.id, "sv-SE").await);
}

async fn an_exempt_customer_and_what_leaves_the_union_have_their_mentions(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let (german, american) =
        (customer(&server, ("DE", "DE136695976", "")).await, customer(&server, ("US", "", "")).await);
    let lines = || vec![priced("Goods", 1, 10_000, "goods"), priced("Service", 1, 10_000, "electronic_service")];
    let within = finalized(&server, &german, lines()).await;
    let Some(said) = text(&rendered(&server, &within.id, "en").await.content).await else { return };
    check(&said, &["Intra-Community supply, exempt from VAT (Article 138 of Directive 2006/112/EC). Line 1."]);
    check(&said, &["Reverse charge (Articles 44 and 196 of Directive 2006/112/EC). Line 2."]);
    let beyond = finalized(&server, &american, lines()).await;
    let said = text(&rendered(&server, &beyond.id, "en").await.content).await.unwrap();
    check(&said, &["Export, exempt from VAT (Article 146 of Directive 2006/112/EC). Line 1."]);
    check(&said, &["Outside the scope of VAT of the European Union", "Line 2."]);
    let embassy = v1::UpdateCustomerRequest {
        request_id: unique("exempt"),
        customer: Some(v1::Customer {
            id: german.id.clone(),
            tax_status: v1::CustomerTaxStatus::Exempt.into(),
            ..v1::Customer::default()
        }),
        update_mask: crate::harness::mask(&["tax_status"]),
    };
    server.customers().update_customer(embassy).await.unwrap();
    let exempt = finalized(&server, &german, lines()).await;
    let said = text(&rendered(&server, &exempt.id, "en").await.content).await.unwrap();
    check(&said, &["diplomatic mission or international body (Article 151 of Directive 2006/112/EC)."]);
    assert!(!said.contains("Line 1."), "it is on all lines: {said}");
}

async fn an_invoice_of_a_thousand_lines_is_rendered(db: Db) {
    let server = Server::start(db).await;
    let lines = (1..=1_000).map(|n| v1::InvoiceLineInput { description: format!("Item {n:04}"), ..line(n) }).collect();
    let request = v1::CreateInvoiceRequest { lines, finalize: true, ..invoice_request() };
    let invoice = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    let document = rendered(&server, &invoice.id, "en").await;
    let Some(said) = text(&document.content).await else { return };
    check(&said, &["Item 0001", "Item 0500", "Item 1000", "SEK 6,256.25"]);
}

async fn a_receipt_comes_with_the_money_and_a_credit_note_with_its_invoice(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let swede = customer(&server, ("SE", "", "sv")).await;
    let invoice = finalized(&server, &swede, vec![priced("Drift", 2, 10_000, "electronic_service")]).await;
    let receipt = async || try_render(&server, &invoice.id, v1::InvoiceDocumentKind::Receipt, "").await;
    let refused = receipt().await.unwrap_err();
    assert_eq!((refused.code(), error_parts(&refused).1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    let link = server.invoice_link(&invoice.id).await.unwrap();
    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let (note, _) =
        credit_notes::try_credit(&server, credit_notes::request(&invoice, credit_notes::rest())).await.unwrap();

    let document = receipt().await.unwrap();
    assert_eq!(document.file_name, format!("{}-receipt.pdf", invoice.number));
    let Some(said) = text(&document.content).await else { return };
    check(&said, &["Kvitto", &invoice.number, "250,00 SEK", "pay_"]);
    let paid = text(&rendered(&server, &invoice.id, "en").await.content).await.unwrap();
    check(&paid, &["Paid on"]);
    assert!(!paid.contains(&link.url), "nothing is to be paid: {paid}");
    let request = v1::RenderCreditNoteRequest { id: note.id.clone(), language: String::new() };
    let document = server.invoices().render_credit_note(request).await.unwrap().into_inner().document.unwrap();
    assert_eq!(document.file_name, format!("{}.pdf", note.number));
    let said = text(&document.content).await.unwrap();
    check(
        &said,
        &["Kreditfaktura", &note.number, &format!("Avser faktura {}", invoice.number), "200,00", "50,00", "250,00 SEK"],
    );
}

async fn what_has_no_document_is_refused_by_name(db: Db) {
    let server = Server::start(db).await;
    let request = v1::CreateInvoiceRequest { lines: vec![line(100)], ..invoice_request() };
    let draft = server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap();
    let invoice = v1::InvoiceDocumentKind::Invoice;
    let refused = try_render(&server, &draft.id, invoice, "").await.unwrap_err();
    assert_eq!((refused.code(), error_parts(&refused).1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    let share = v1::ShareInvoiceRequest { id: draft.id.clone(), ..v1::ShareInvoiceRequest::default() };
    let refused = server.invoices().share_invoice(share).await.unwrap_err();
    assert_eq!((refused.code(), error_parts(&refused).1.as_str()), (Code::FailedPrecondition, "INVOICE_STATE"));
    let unknown = "inv_0193a5c2e8b27c3a9f0e1d2c3b4a5968";
    assert_eq!(try_render(&server, unknown, invoice, "").await.unwrap_err().code(), Code::NotFound);
    let bad = try_render(&server, "x", v1::InvoiceDocumentKind::Unspecified, "fi").await.unwrap_err();
    assert_eq!(
        (bad.code(), error_parts(&bad).2),
        (Code::InvalidArgument, ["id", "kind", "language"].map(str::to_owned).to_vec())
    );
    let note = v1::RenderCreditNoteRequest { id: "x".to_owned(), language: "xx".to_owned() };
    assert_eq!(error_parts(&server.invoices().render_credit_note(note).await.unwrap_err()).2, ["id", "language"]);
}
