//! Providers are swapped by configuration alone: one scenario through each, two at once by seller, and an invoice whose page
//! moves from one to the other.

use std::process::Stdio;
use std::time::Duration;

use adyen_fake::{AdyenFake, Endpoint, FakeConfig, Outcome, Policy};
use api_proto::v1;
use tonic::Code;

use crate::harness::{
    Db, GOOD_CARD, Provider, Server, error_parts, eventually, http, line, minor, on_both_databases, sek_amount, unique,
};

on_both_databases!(
    one_scenario_runs_through_either_provider_by_configuration_alone,
    each_seller_is_charged_by_its_own_provider,
    an_invoice_whose_page_moves_to_another_provider_keeps_one,
    a_capture_that_fails_and_is_made_again_leaves_the_money_in_the_books,
    more_told_as_gone_than_came_in_is_flagged,
    a_page_that_is_paid_in_parts_is_the_only_one_until_it_is_closed,
);

/// What opens the fake's account, and by what it signs.
const API_KEY: &str = "AQEyhmfxKonIYxZGw0m_test";
const HMAC_KEY: &str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056";
const BASIC: (&str, &str) = ("paylinks", "a-webhook-password");

/// What plays the provider of a seller.
enum Acquirer {
    /// The sandbox: what it has told is handed over by the test.
    Sandbox(Provider),
    /// The fake of the second provider, which delivers by itself.
    Fake(AdyenFake),
}

impl Acquirer {
    async fn sandbox() -> Self {
        Self::Sandbox(Provider::start().await)
    }

    async fn fake() -> Self {
        // The fake calls its endpoints by a client that wants a provider of cryptography.
        let _ = http();
        let config = FakeConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            api_key: API_KEY.to_owned(),
            merchant_account: "NorthAB".to_owned(),
        };
        Self::Fake(adyen_fake::start(config).await.unwrap())
    }

    /// What stands in the configuration for it.
    fn settings(&self) -> String {
        match self {
            Self::Sandbox(provider) => format!(
                "[providers.stripe]\napi_key = \"sk_test_paylinks_sandbox\"\nwebhook_secrets = [\"whsec_first\"]\n\
                 api_base = \"{}\"\ncalls_per_second_max = 1000\n",
                provider.url
            ),
            Self::Fake(fake) => format!(
                "[providers.adyen]\napi_key = \"{API_KEY}\"\nmerchant_account = \"NorthAB\"\nhmac_keys = [\"{HMAC_KEY}\"]\n\
                 webhook_username = \"{}\"\nwebhook_password = \"{}\"\napi_base = \"{}\"\ncalls_per_second_max = 1000\n",
                BASIC.0,
                BASIC.1,
                fake.base()
            ),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Sandbox(_) => "stripe",
            Self::Fake(_) => "adyen",
        }
    }

    /// Has it tell a server what happens from now on.
    fn tell(&self, server: &Server) {
        if let Self::Fake(fake) = self {
            let url = format!("{}/webhooks/adyen", server.http);
            let basic = Some((BASIC.0.to_owned(), BASIC.1.to_owned()));
            fake.deliver_to(Some(Endpoint { url, hmac_key: HMAC_KEY.to_owned(), basic }));
        }
    }

    /// A customer pays all that a page asks for.
    async fn pay(&self, server: &Server, url: &str) {
        match self {
            Self::Sandbox(provider) => {
                let pay = http().post(format!("{}/_sandbox/pay", provider.url));
                let body = serde_json::json!({"url": url, "card": GOOD_CARD});
                assert_eq!(pay.json(&body).send().await.unwrap().status().as_u16(), 200);
            }
            Self::Fake(_) => {
                let paid = http().post(url).form(&[("act", "pay")]).send().await.unwrap();
                assert!(paid.status().is_success() || paid.status().is_redirection(), "{}", paid.status());
            }
        }
        self.hand_over(server).await;
    }

    /// Delivers what is not delivered by itself.
    async fn hand_over(&self, server: &Server) {
        if let Self::Sandbox(provider) = self {
            for told in provider.told().await {
                assert_eq!(server.deliver(&told).await, 200);
            }
        }
    }

    /// Whether a page of it can be paid.
    async fn is_payable(&self, url: &str) -> bool {
        match self {
            Self::Sandbox(provider) => {
                let links = provider.get("payment_links?limit=100").await;
                let sessions = provider.get("checkout/sessions?limit=100").await;
                let all = links["data"].as_array().unwrap().iter().chain(sessions["data"].as_array().unwrap());
                let page = all.into_iter().find(|page| page["url"] == url);
                // A session that can't be paid any more has no URL.
                page.is_some_and(|page| page["active"] == true || page["status"] == "open")
            }
            Self::Fake(_) => http().get(url).send().await.unwrap().text().await.unwrap().contains("id=\"pay\""),
        }
    }

    /// Nothing that was sent or answered is against the provider's own description, where that is at hand.
    fn expect_no_violation(&self) {
        if let Self::Fake(fake) = self {
            assert_eq!(fake.violations(), Vec::<String>::new());
            if let Some(skipped) = fake.skipped() {
                eprintln!("{skipped}");
            }
        }
    }
}

/// A server with a seller for each of these.
async fn server_of(db: Db, acquirers: &[&Acquirer]) -> Server {
    let server = Server::start_configured(db, &config_of(acquirers, acquirers), Stdio::inherit()).await;
    acquirers.iter().for_each(|acquirer| acquirer.tell(&server));
    server
}

/// A configuration with these providers, and a seller for each of `charging`, named as its provider is.
fn config_of(acquirers: &[&Acquirer], charging: &[&Acquirer]) -> String {
    let providers: String = acquirers.iter().map(|acquirer| acquirer.settings()).collect();
    let seller = |name: &str, provider: &str| {
        format!(
            "[[sellers]]\nid = \"{name}\"\nname = \"North AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\nprovider = \"{provider}\"\n\
             tax_ids = [\"SE556000000101\"]\ntax_registrations = [{{ country = \"SE\" }}]\n"
        )
    };
    let sellers: String = charging.iter().map(|acquirer| seller(acquirer.name(), acquirer.name())).collect();
    format!("access = \"open\"\nreconcile_every_seconds = 86400\n{providers}{sellers}")
}

async fn open_invoice(server: &Server, seller: &str, net_minor: i64) -> v1::Invoice {
    let request = v1::CreateInvoiceRequest {
        request_id: unique("invoice"),
        seller_id: seller.to_owned(),
        currency_code: "SEK".to_owned(),
        lines: vec![line(net_minor)],
        finalize: true,
        ..v1::CreateInvoiceRequest::default()
    };
    server.invoices().create_invoice(request).await.unwrap().into_inner().invoice.unwrap()
}

fn link_request(seller: &str, invoice: &v1::Invoice) -> v1::CreatePaymentLinkRequest {
    v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        seller_id: seller.to_owned(),
        invoice_id: invoice.id.clone(),
        ..v1::CreatePaymentLinkRequest::default()
    }
}

async fn create_link(server: &Server, request: v1::CreatePaymentLinkRequest) -> Result<v1::PaymentLink, tonic::Status> {
    Ok(server.links().create_payment_link(request).await?.into_inner().payment_link.unwrap())
}

async fn create_checkout(server: &Server, seller: &str, invoice: &v1::Invoice) -> v1::CheckoutSession {
    let request = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        seller_id: seller.to_owned(),
        invoice_id: invoice.id.clone(),
        mode: v1::CheckoutMode::Payment as i32,
        return_url: "https://shop.example.com/thanks".to_owned(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    };
    server.checkouts().create_invoice_checkout(request).await.unwrap().into_inner().checkout_session.unwrap()
}

async fn payments_of(server: &Server, invoice: &v1::Invoice) -> Vec<v1::Payment> {
    let request = v1::ListPaymentsRequest {
        seller_id: invoice.seller_id.clone(),
        invoice_id: invoice.id.clone(),
        ..v1::ListPaymentsRequest::default()
    };
    server.payments().list_payments(request).await.unwrap().into_inner().payments
}

/// A business's whole dealings with a customer. The caller names no provider, and sees the same with each.
async fn deal(server: &Server, seller: &str, acquirer: &Acquirer) -> Vec<String> {
    // An invoice is paid by a link, which is made once and is then used up.
    let invoice = open_invoice(server, seller, 10_000).await;
    let request = link_request(seller, &invoice);
    let link = create_link(server, request.clone()).await.unwrap();
    assert_eq!(create_link(server, request).await.unwrap().id, link.id, "the same request has the same answer");
    assert!(acquirer.is_payable(&link.url).await);
    let second = error_parts(&create_link(server, link_request(seller, &invoice)).await.unwrap_err());
    assert_eq!((second.0, second.1.as_str()), (Code::AlreadyExists, "COLLECTABLE_OPEN"));
    acquirer.pay(server, &link.url).await;
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(paid.amount_paid.as_ref()), 12_500);
    server.wait_for_link(&link.id, v1::PaymentLinkState::Inactive).await;
    let payments = payments_of(server, &invoice).await;
    assert_eq!((payments.len(), payments[0].provider.as_str()), (1, acquirer.name()));
    assert_eq!(payments[0].flags, Vec::<i32>::new());

    // A part goes back.
    let refund = v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: payments[0].id.clone(),
        amount: Some(sek_amount(2_500)),
        ..v1::CreateRefundRequest::default()
    };
    let refund = server.payments().create_refund(refund).await.unwrap().into_inner().refund.unwrap();
    acquirer.hand_over(server).await;
    eventually(async || {
        let get = v1::GetRefundRequest { id: refund.id.clone() };
        let refund = server.payments().get_refund(get).await.unwrap().into_inner().refund.unwrap();
        (refund.state() == v1::RefundState::Succeeded).then_some(())
    })
    .await;
    assert_eq!(minor(payments_of(server, &invoice).await[0].refunded.as_ref()), 2_500);

    // Another invoice: its checkout is expired, its link closed, and a checkout paid at last.
    let invoice = open_invoice(server, seller, 4_000).await;
    let session = create_checkout(server, seller, &invoice).await;
    let expire = v1::ExpireCheckoutSessionRequest { request_id: unique("expire"), id: session.id.clone() };
    let expired = server.checkouts().expire_checkout_session(expire).await.unwrap().into_inner().checkout_session;
    assert_eq!(expired.unwrap().state(), v1::CheckoutSessionState::Expired);
    assert!(!acquirer.is_payable(&session.url).await);
    let link = create_link(server, link_request(seller, &invoice)).await.unwrap();
    let close = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id: link.id.clone() };
    let closed = server.links().deactivate_payment_link(close).await.unwrap().into_inner().payment_link.unwrap();
    assert_eq!(closed.state(), v1::PaymentLinkState::Inactive);
    assert!(!acquirer.is_payable(&link.url).await);
    let session = create_checkout(server, seller, &invoice).await;
    acquirer.pay(server, &session.url).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;

    // And one that is withdrawn takes its page with it.
    let invoice = open_invoice(server, seller, 1_000).await;
    let link = create_link(server, link_request(seller, &invoice)).await.unwrap();
    let void = v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.id.clone(), ..Default::default() };
    server.invoices().void_invoice(void).await.unwrap();
    assert!(!acquirer.is_payable(&link.url).await);
    server.wait_for_link(&link.id, v1::PaymentLinkState::Inactive).await;
    acquirer.expect_no_violation();

    let events = server.all_events().await;
    let mut types: Vec<_> = events.into_iter().filter(|it| it.seller_id == seller).map(|it| it.r#type).collect();
    // Whether the provider says at once or later that a refund is done is its own affair.
    types.retain(|kind| kind != "refund.updated");
    types.sort();
    types
}

async fn one_scenario_runs_through_either_provider_by_configuration_alone(db: Db) {
    let mut told = Vec::new();
    for acquirer in [Acquirer::sandbox().await, Acquirer::fake().await] {
        let server = server_of(db, &[&acquirer]).await;
        told.push(Box::pin(deal(&server, acquirer.name(), &acquirer)).await);
    }
    assert_eq!(told[0], told[1]);
}

async fn each_seller_is_charged_by_its_own_provider(db: Db) {
    let (sandbox, fake) = (Acquirer::sandbox().await, Acquirer::fake().await);
    let server = server_of(db, &[&sandbox, &fake]).await;
    let both = tokio::join!(Box::pin(deal(&server, "stripe", &sandbox)), Box::pin(deal(&server, "adyen", &fake)));
    assert_eq!(both.0, both.1);
    // What one tells is not taken at the other's door.
    let forged = http().post(format!("{}/webhooks/adyen", server.http)).basic_auth(BASIC.0, Some(BASIC.1));
    assert_eq!(forged.body("{}").send().await.unwrap().status().as_u16(), 400);
    let stranger = http().post(format!("{}/webhooks/adyen", server.http)).body("{}").send().await.unwrap();
    assert_eq!(stranger.status().as_u16(), 401);
}

async fn an_invoice_whose_page_moves_to_another_provider_keeps_one(db: Db) {
    let (sandbox, fake) = (Acquirer::sandbox().await, Acquirer::fake().await);
    let both = [&sandbox, &fake];
    let config = config_of(&both, &[&sandbox]);
    let server = Server::start_configured(db, &config, Stdio::inherit()).await;
    let invoice = open_invoice(&server, "stripe", 10_000).await;
    let first = create_link(&server, link_request("stripe", &invoice)).await.unwrap();
    // From now on the other one charges for the same seller.
    let moved = config.replace("provider = \"stripe\"", "provider = \"adyen\"");
    let server = server.restart_with(&moved).await;
    both.iter().for_each(|acquirer| acquirer.tell(&server));
    let refused = error_parts(&create_link(&server, link_request("stripe", &invoice)).await.unwrap_err());
    assert_eq!((refused.0, refused.1.as_str()), (Code::AlreadyExists, "COLLECTABLE_OPEN"));
    // The page of before is closed where it is.
    let close = v1::DeactivatePaymentLinkRequest { request_id: unique("close"), id: first.id.clone() };
    server.links().deactivate_payment_link(close).await.unwrap();
    assert!(!sandbox.is_payable(&first.url).await);
    let second = create_link(&server, link_request("stripe", &invoice)).await.unwrap();
    assert!(fake.is_payable(&second.url).await && second.url != first.url);
    fake.pay(&server, &second.url).await;
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(paid.amount_paid.as_ref()), 12_500);
    let payments = payments_of(&server, &invoice).await;
    assert_eq!((payments.len(), payments[0].provider.as_str()), (1, "adyen"));
}

/// A server that charges by the fake alone, with an invoice of 125.00 that was paid by a link, and the payment at the fake.
async fn paid_by_fake(db: Db) -> (Server, Acquirer, v1::Invoice, String) {
    let acquirer = Acquirer::fake().await;
    let server = server_of(db, &[&acquirer]).await;
    let invoice = open_invoice(&server, "adyen", 10_000).await;
    let link = create_link(&server, link_request("adyen", &invoice)).await.unwrap();
    acquirer.pay(&server, &link.url).await;
    server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    let Acquirer::Fake(fake) = &acquirer else { unreachable!() };
    let payment = fake.ledger().payments[0].psp_reference.clone();
    (server, acquirer, invoice, payment)
}

/// Waits until the one payment of an invoice is refunded so far.
async fn wait_for_refunded(server: &Server, invoice: &v1::Invoice, refunded: i64) -> v1::Payment {
    eventually(async || {
        let payment = payments_of(server, invoice).await.remove(0);
        let sum = payment.refunded.as_ref().map_or(0, |sum| sum.minor_units);
        (sum == refunded).then_some(payment)
    })
    .await
}

async fn a_capture_that_fails_and_is_made_again_leaves_the_money_in_the_books(db: Db) {
    let (server, acquirer, invoice, payment) = paid_by_fake(db).await;
    let Acquirer::Fake(fake) = &acquirer else { unreachable!() };
    fake.set_back(Duration::from_secs(60));
    fake.modify(&payment, "CAPTURE_FAILED", 12_500, true);
    wait_for_refunded(&server, &invoice, 12_500).await;
    fake.pass_time(Duration::from_secs(2));
    fake.modify(&payment, "CAPTURE", 12_500, true);
    // Told twice, it is as told once.
    fake.set_policy(Policy { duplicate: 1, ..Policy::default() });
    wait_for_refunded(&server, &invoice, 0).await;
    // The next time, what was made again is heard of before what failed.
    fake.set_policy(Policy { hold: true, ..Policy::default() });
    fake.pass_time(Duration::from_secs(2));
    fake.modify(&payment, "CAPTURE_FAILED", 12_500, true);
    fake.pass_time(Duration::from_secs(2));
    fake.modify(&payment, "CAPTURE", 12_500, true);
    fake.set_policy(Policy { reverse: true, ..Policy::default() });
    let request = v1::ListRefundsRequest { seller_id: "adyen".to_owned(), ..v1::ListRefundsRequest::default() };
    let refunds = eventually(async || {
        let refunds = server.payments().list_refunds(request.clone()).await.unwrap().into_inner().refunds;
        (refunds.len() == 2).then_some(refunds)
    })
    .await;
    for refund in refunds {
        assert_eq!((refund.state(), refund.failure_code.as_str()), (v1::RefundState::Failed, "captured_again"));
    }
    let payment = wait_for_refunded(&server, &invoice, 0).await;
    assert_eq!((minor(payment.received.as_ref()), payment.flags.len()), (12_500, 0));
}

async fn more_told_as_gone_than_came_in_is_flagged(db: Db) {
    let (server, acquirer, invoice, payment) = paid_by_fake(db).await;
    let Acquirer::Fake(fake) = &acquirer else { unreachable!() };
    fake.refund(&payment, 12_500);
    let whole = wait_for_refunded(&server, &invoice, 12_500).await;
    assert_eq!(whole.flags, Vec::<i32>::new());
    // A person at the dashboard sends more than there was, and then it comes back.
    let more = fake.refund(&payment, 500);
    let over = wait_for_refunded(&server, &invoice, 13_000).await;
    assert_eq!(over.flags, [v1::PaymentFlag::OverRefunded as i32]);
    let flagged = v1::ListPaymentsRequest {
        seller_id: "adyen".to_owned(),
        flagged: Some(true),
        ..v1::ListPaymentsRequest::default()
    };
    assert_eq!(server.payments().list_payments(flagged).await.unwrap().into_inner().payments, [over]);
    fake.fail_refund(&more);
    assert_eq!(wait_for_refunded(&server, &invoice, 12_500).await.flags, Vec::<i32>::new());
}

async fn a_page_that_is_paid_in_parts_is_the_only_one_until_it_is_closed(db: Db) {
    let acquirer = Acquirer::fake().await;
    let server = server_of(db, &[&acquirer]).await;
    let Acquirer::Fake(fake) = &acquirer else { unreachable!() };
    let page_of = |id: &str| fake.ledger().links.into_iter().find(|link| link.reference == id).unwrap().id;
    let count = async |invoice: &v1::Invoice, wanted: usize| {
        eventually(async || (payments_of(&server, invoice).await.len() == wanted).then_some(())).await;
    };
    // The rest comes through the same page.
    let invoice = open_invoice(&server, "adyen", 10_000).await;
    let link = create_link(&server, link_request("adyen", &invoice)).await.unwrap();
    fake.pay(&page_of(&link.id), Some(5_000), Outcome::Paid).unwrap();
    count(&invoice, 1).await;
    assert_eq!(payments_of(&server, &invoice).await[0].flags, [v1::PaymentFlag::Partial as i32]);
    let second = error_parts(&create_link(&server, link_request("adyen", &invoice)).await.unwrap_err());
    assert_eq!((second.0, second.1.as_str()), (Code::AlreadyExists, "COLLECTABLE_OPEN"));
    assert!(acquirer.is_payable(&link.url).await);
    acquirer.pay(&server, &link.url).await;
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(paid.amount_paid.as_ref()), 12_500);
    server.wait_for_link(&link.id, v1::PaymentLinkState::Inactive).await;
    assert_eq!(payments_of(&server, &invoice).await.len(), 2);
    assert!(!acquirer.is_payable(&link.url).await);
    // Or whoever wants to collect it otherwise closes the page first, which closes it at the provider too.
    let invoice = open_invoice(&server, "adyen", 10_000).await;
    let session = create_checkout(&server, "adyen", &invoice).await;
    fake.pay(&page_of(&session.id), Some(5_000), Outcome::Paid).unwrap();
    count(&invoice, 1).await;
    let refused = create_link(&server, link_request("adyen", &invoice)).await.unwrap_err();
    assert_eq!(error_parts(&refused).1, "COLLECTABLE_OPEN");
    let expire = v1::ExpireCheckoutSessionRequest { request_id: unique("expire"), id: session.id.clone() };
    server.checkouts().expire_checkout_session(expire).await.unwrap();
    assert!(!acquirer.is_payable(&session.url).await);
    let link = create_link(&server, link_request("adyen", &invoice)).await.unwrap();
    acquirer.pay(&server, &link.url).await;
    let paid = server.wait_for_invoice(&invoice.id, v1::InvoiceState::Paid).await;
    assert_eq!(minor(paid.amount_paid.as_ref()), 12_500);
    acquirer.expect_no_violation();
}
