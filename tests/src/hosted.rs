//! The hosted page of an invoice: what it shows as the invoice moves, who can open it, and how it looks in a browser.

use api_proto::v1;
use fantoccini::Locator;
use serde_json::json;
use tonic::Code;

use crate::browser::{shoot, start};
use crate::collected::at_provider;
use crate::credit_notes;
use crate::documents::{SELLER, customer, finalized, priced, text};
use crate::harness::{
    Db, GOOD_CARD, Server, error_parts, eventually, http, invoice_request, needs, on_both_databases, sek_amount, unique,
};
use crate::subscriptions::read_at_provider;

on_both_databases!(
    a_page_follows_its_invoice_and_has_its_documents,
    a_discount_and_the_tax_in_the_sellers_currency_are_on_the_page_as_in_the_pdf,
    a_token_that_is_forged_has_ended_or_is_of_nothing_is_not_found,
    a_url_outlives_a_crash,
    what_was_paid_twice_is_told_until_it_went_back,
);

async fn try_share(
    server: &Server,
    id: &str,
    (language, seconds): (&str, Option<i64>),
) -> Result<v1::ShareInvoiceResponse, tonic::Status> {
    let request = v1::ShareInvoiceRequest {
        id: id.to_owned(),
        language: language.to_owned(),
        lifetime: seconds.map(|seconds| prost_types::Duration { seconds, nanos: 0 }),
    };
    Ok(server.invoices().share_invoice(request).await?.into_inner())
}

async fn share(server: &Server, id: &str, language: &str) -> String {
    try_share(server, id, (language, None)).await.unwrap().url
}

async fn page(url: &str) -> (u16, String) {
    let response = http().get(url).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[track_caller]
fn check(page: &str, said: &[&str], unsaid: &[&str]) {
    for part in said {
        assert!(page.contains(part), "{part:?} is not in: {page}");
    }
    for part in unsaid {
        assert!(!page.contains(part), "{part:?} is in: {page}");
    }
}

/// An invoice of a German business, with reverse charge.
async fn invoice(server: &Server) -> v1::Invoice {
    let german = customer(server, ("DE", "DE136695976", "de")).await;
    finalized(server, &german, vec![priced("Wartung <1>", 2, 10_000, "electronic_service")]).await
}

async fn a_page_follows_its_invoice_and_has_its_documents(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let invoice = invoice(&server).await;
    let url = share(&server, &invoice.id, "").await;
    assert!(url.starts_with(&format!("{}/invoices/", server.http)), "{url}");

    let (status, german) = page(&url).await;
    assert_eq!(status, 200);
    let reference = format!("Ref {}", invoice.number);
    check(&german, &["SE45 5000 0000 0583 9825 7466", "160-9908", &reference, "Register-Nr. 556000-0001"], &[]);
    check(&german, &["<html lang=\"de\">", "Nordljus Drift AB", &invoice.number, "200,00\u{a0}SEK", "09.03.2097"], &[]);
    check(
        &german,
        &["Wartung &lt;1&gt;", "DE136695976", "Steuerschuldnerschaft", "noindex"],
        &["class=\"pay\"", "<script"],
    );
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let (_, english) = page(&format!("{url}?lang=en")).await;
    check(
        &english,
        &["<html lang=\"en\">", &format!("href=\"{}\"", link.url), "Pay SEK\u{a0}200.00"],
        &["receipt.pdf"],
    );
    // Of two languages the first counts, and nothing of a query is an error.
    check(&page(&format!("{url}?lang=en&lang=sv&%ff=%ff")).await.1, &["<html lang=\"en\">"], &[]);
    // A language that we don't speak leaves the one of the URL.
    check(&page(&format!("{url}?lang=fi")).await.1, &["<html lang=\"de\">"], &[]);

    assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let note = credit_notes::request(&invoice, credit_notes::rest());
    let (note, _) = credit_notes::try_credit(&server, note).await.unwrap();
    let (_, paid) = page(&format!("{url}?lang=en")).await;
    check(&paid, &[], &["SE45 5000"]);
    check(&paid, &["Credited after payment</th><td class=\"figure\">SEK\u{a0}200.00</td>"], &[]);
    check(&paid, &["Paid on", "receipt.pdf", "credit-notes/1.pdf", &note.number], &["class=\"pay\"", &link.url]);
    check(&paid, &["<span class=\"state\">Paid</span>"], &["Refunded"]);
    expect_refund_shown(&server, &invoice, &note, &url).await;

    for (path, said) in [
        ("invoice.pdf", &*invoice.number),
        ("receipt.pdf?lang=en", "Receipt"),
        ("credit-notes/1.pdf?lang=sv", "Kreditfaktura"),
    ] {
        let response = http().get(format!("{url}/{path}")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "application/pdf");
        let disposition = response.headers()["content-disposition"].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\"") && disposition.ends_with(".pdf\""), "{disposition}");
        for (name, value) in GUARDS {
            assert_eq!(response.headers()[name], value, "{path}: {name}");
        }
        let content = response.bytes().await.unwrap();
        if let Some(text) = text(&content).await {
            check(&text, &[said], &[]);
        }
    }
    for path in ["credit-notes/0.pdf", "credit-notes/2.pdf", "credit-notes/1", "credit-notes/x.pdf", "other.pdf"] {
        assert_eq!(page(&format!("{url}/{path}")).await.0, 404, "{path}");
    }
}

/// Once the money that a credit note gives back has gone, or a part of it, the page says so.
async fn expect_refund_shown(server: &Server, invoice: &v1::Invoice, note: &v1::CreditNote, url: &str) {
    let request = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    let payment = server.payments().list_payments(request).await.unwrap().into_inner().payments.remove(0);
    let parts = [("Paid", 5_000, "Refunded SEK\u{a0}50.00"), ("Refunded", 15_000, "Refunded SEK\u{a0}200.00")];
    for (state, minor, detail) in parts {
        let refund = v1::CreateRefundRequest {
            request_id: unique("refund"),
            payment_id: payment.id.clone(),
            amount: Some(sek_amount(minor)),
            credit_note_id: note.id.clone(),
            ..Default::default()
        };
        server.payments().create_refund(refund).await.unwrap();
        let english = format!("{url}?lang=en");
        let told = async || Some(page(&english).await.1).filter(|page| page.contains(detail));
        let state = format!("<span class=\"state\">{state}</span>");
        check(&eventually(told).await, &[&state, "Paid on", "Credited after payment SEK\u{a0}200.00"], &[]);
    }
    check(&page(url).await.1, &["Erstattet</th><td class=\"figure\">200,00\u{a0}SEK</td>"], &[]);
}

async fn a_discount_and_the_tax_in_the_sellers_currency_are_on_the_page_as_in_the_pdf(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let price = v1::InlinePrice {
        unit_price: Some(v1::UnitPrice { minor_units: "14000".to_owned(), currency_code: "EUR".to_owned() }),
        tax_behavior: v1::TaxBehavior::Exclusive as i32,
    };
    let line = v1::InvoiceLineInput {
        price: Some(v1::invoice_line_input::Price::PriceData(price)),
        ..priced("Consulting", 12, 14_000, "service")
    };
    let rate = |currency: &str| v1::TaxExchangeRate {
        currency_code: currency.to_owned(),
        rate: "11.2345".to_owned(),
        date: Some(v1::Date { year: 2026, month: 11, day: 27 }),
        source: "Sveriges Riksbank".to_owned(),
    };
    let ask = |currency: &str| v1::CreateInvoiceRequest {
        currency_code: "EUR".to_owned(),
        lines: vec![line.clone()],
        discount: Some(v1::InvoiceDiscount {
            discount: Some(v1::invoice_discount::Discount::PercentOff("10".to_owned())),
        }),
        tax_exchange_rate: Some(rate(currency)),
        finalize: true,
        ..invoice_request()
    };
    let refused = error_parts(&server.invoices().create_invoice(ask("NOK")).await.unwrap_err());
    assert!(format!("{refused:?}").contains("tax_exchange_rate.currency_code"), "{refused:?}");
    let invoice = server.invoices().create_invoice(ask("SEK")).await.unwrap().into_inner().invoice.unwrap();
    let url = share(&server, &invoice.id, "en").await;
    // 25 % of 1,512.00 EUR is 378.00 EUR.
    let said = [
        "Discount 10% \u{2212}168.00",
        "VAT in SEK: 4,246.64 (1 EUR = 11.2345 SEK, Sveriges Riksbank, 27\u{a0}November\u{a0}2026)",
    ];
    check(&page(&url).await.1, &said, &[]);
    let pdf = http().get(format!("{url}/invoice.pdf")).send().await.unwrap().bytes().await.unwrap();
    if let Some(text) = text(&pdf).await {
        check(&text, &said.map(|said| said.replace('\u{a0}', " ")).each_ref().map(String::as_str), &[]);
    }
}

/// The headers of all that is shown.
const GUARDS: [(&str, &str); 4] = [
    ("cache-control", "private, no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-robots-tag", "noindex, nofollow"),
];

async fn a_token_that_is_forged_has_ended_or_is_of_nothing_is_not_found(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let other = Server::start_with(Db::Sqlite, SELLER).await;
    let (own, foreign) = (invoice(&server).await, invoice(&other).await);
    let url = share(&server, &own.id, "sv").await;
    let (pages, token) = url.rsplit_once('/').unwrap();
    let flipped = |place: usize| {
        let mut token = token.as_bytes().to_vec();
        token[place] = if token[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(token).unwrap()
    };
    // A token that another installation signed, for an invoice of its own.
    let foreign = share(&other, &foreign.id, "").await;
    let foreign = foreign.rsplit_once('/').unwrap().1;
    let mut answers = Vec::new();
    for forged in [&flipped(0), &flipped(10), &flipped(59), &token[..40], "x", "%00", "%ff", foreign] {
        for path in ["", "/invoice.pdf", "/receipt.pdf", "/credit-notes/1.pdf", "/other", "/a/b", "/credit-notes/%ff"] {
            let response = http().get(format!("{pages}/{forged}{path}")).send().await.unwrap();
            assert_eq!(response.status(), 404, "{forged}{path}");
            for (name, value) in GUARDS {
                assert_eq!(response.headers()[name], value, "{forged}{path}: {name}");
            }
            answers.push(response.text().await.unwrap());
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "nothing tells one from another");
    check(&answers[0], &["This page is not available"], &[]);
    let response = http().get(format!("{pages}/x")).header("accept-language", "fi, de-DE;q=0.8").send().await.unwrap();
    check(&response.text().await.unwrap(), &["<html lang=\"de\">"], &[]);

    let policy =
        http().get(&url).send().await.unwrap().headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    for (language, seconds, fields) in [
        ("", Some(59), vec!["lifetime"]),
        ("", Some(7_776_001), vec!["lifetime"]),
        ("xx", Some(-1), vec!["language", "lifetime"]),
    ] {
        let refused = try_share(&server, &own.id, (language, seconds)).await.unwrap_err();
        assert_eq!(
            (refused.code(), error_parts(&refused).2),
            (Code::InvalidArgument, fields.iter().map(|f| (*f).to_owned()).collect())
        );
    }
    let (day, month) = (24 * 60 * 60, 30 * 24 * 60 * 60);
    for (seconds, expected) in [(Some(day), day), (None, month)] {
        let made = server.invoice(&own.id).await.create_time.unwrap().seconds;
        let ends = try_share(&server, &own.id, ("", seconds)).await.unwrap().expire_time.unwrap().seconds;
        assert!((expected..expected + 120).contains(&(ends - made)), "{ends} {made}");
    }
}

async fn a_url_outlives_a_crash(db: Db) {
    let server = Server::start_with(db, SELLER).await;
    let invoice = invoice(&server).await;
    let url = share(&server, &invoice.id, "").await;
    let token = url.rsplit_once('/').unwrap().1.to_owned();
    let server = server.crash_and_restart().await;
    assert_eq!(page(&format!("{}/invoices/{token}", server.http)).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_reads_the_invoice_in_a_browser_and_goes_to_pay() {
    let (Some(chromium), Some(driver)) = (needs("PAYLINKS_TEST_CHROMIUM"), needs("PAYLINKS_TEST_CHROMEDRIVER")) else {
        return;
    };
    let server = Server::start_with(Db::Sqlite, SELLER).await;
    let swede = customer(&server, ("SE", "SE556703748501", "sv")).await;
    let lines = vec![
        priced("Drift och övervakning av webbplatsen, tre servrar", 3, 123_450, "electronic_service"),
        priced("Handbok", 2, 9_900, "book"),
    ];
    let invoice = finalized(&server, &swede, lines).await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let url = share(&server, &invoice.id, "").await;
    for (name, language, size) in [
        ("hosted-invoice-en", "en", (1_280, 1_400)),
        ("hosted-invoice-sv-phone", "sv", (360, 1_600)),
        ("hosted-invoice-de-phone", "de", (360, 1_600)),
        ("hosted-invoice-fr", "fr", (800, 1_400)),
    ] {
        let browser = start(&chromium, &driver, size).await;
        browser.client.goto(&format!("{url}?lang={language}")).await.unwrap();
        shoot(&browser.client, name).await;
        // The policy lets the style through: the button has its colours.
        let button = browser.client.find(Locator::Css("a.pay")).await.unwrap();
        assert_ne!(button.css_value("background-color").await.unwrap(), "rgba(0, 0, 0, 0)");
        if language == "fr" {
            button.click().await.unwrap();
            eventually(async || {
                let reached = browser.client.current_url().await.unwrap();
                // The link's page sends its visitor on to one of their own.
                reached.as_str().starts_with(&server.sandbox).then_some(())
            })
            .await;
            assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
            server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
            browser.client.goto(&url).await.unwrap();
            shoot(&browser.client, "hosted-invoice-paid").await;
            browser.client.goto(&format!("{url}x?lang=es")).await.unwrap();
            shoot(&browser.client, "hosted-invoice-not-found").await;
        }
        browser.client.close().await.unwrap();
    }
}

async fn what_was_paid_twice_is_told_until_it_went_back(db: Db) {
    let server = Server::start(db).await;
    let invoice = server.open_invoice(10_000).await;
    let url = share(&server, &invoice.id, "en").await;
    let link = server.invoice_link(&invoice.id).await.unwrap();
    let path = format!("/v1/payment_links/{}", link.provider_ref);
    at_provider(&server, &path, &[("restrictions[completed_sessions][limit]", "2")]).await;
    // Both are there before anything is told, which closes the link.
    server.control("webhooks/policy", json!({"lose": true})).await;
    for _ in 0..2 {
        assert_eq!(server.pay(&link.url, GOOD_CARD).await, 200);
    }
    server.control("webhooks/policy", json!({})).await;
    for told in read_at_provider(&server, "/v1/events?type=checkout.session.completed").await {
        server.control("webhooks/resend", json!({"id": told["id"]})).await;
    }
    let (twice, overpaid) = ("Amount received SEK\u{a0}250.00", "Overpaid, to be paid back SEK\u{a0}125.00");
    let told = eventually(async || Some(page(&url).await.1).filter(|page| page.contains(overpaid))).await;
    check(&told, &["<span class=\"state\">Paid</span>", "Amount paid", twice], &["Refunded"]);
    let of_invoice = v1::ListPaymentsRequest { invoice_id: invoice.id.clone(), ..Default::default() };
    let payments = server.payments().list_payments(of_invoice).await.unwrap().into_inner().payments;
    let second = payments.into_iter().find(|it| it.flags().any(|flag| flag == v1::PaymentFlag::InvoiceAlreadyPaid));
    let request_id = unique("refund");
    let refund = v1::CreateRefundRequest { request_id, payment_id: second.unwrap().id, ..Default::default() };
    server.payments().create_refund(refund).await.unwrap();
    let refunded = "Refunded SEK\u{a0}125.00";
    let told = eventually(async || Some(page(&url).await.1).filter(|page| page.contains(refunded))).await;
    check(&told, &["<span class=\"state\">Paid</span>", twice], &["Overpaid"]);
}
