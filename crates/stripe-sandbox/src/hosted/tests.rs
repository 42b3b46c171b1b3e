//! The pages over HTTP, as a browser without scripts goes through them.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::server::{Sandbox, SandboxConfig, start};

type Fields = BTreeMap<String, String>;

struct Browser {
    sandbox: Sandbox,
    base: String,
    client: reqwest::Client,
}

/// A page that a browser is on.
struct Page {
    address: String,
    status: u16,
    location: String,
    html: String,
}

impl Browser {
    async fn new() -> Self {
        let config = SandboxConfig { listen: "127.0.0.1:0".parse().unwrap(), state_file: None };
        let sandbox = start(config).await.unwrap();
        let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let base = sandbox.url().as_str().trim_end_matches('/').to_owned();
        Self { sandbox, base, client }
    }

    /// Calls the API as a merchant does.
    async fn api(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let request = self.client.post(format!("{}/v1/{path}", self.base)).bearer_auth("sk_test_x").form(fields);
        let answer = request.send().await.unwrap().json::<Value>().await.unwrap();
        assert!(answer["error"].is_null(), "{path}: {answer}");
        answer
    }

    async fn price(&self, amount: &str) -> String {
        let product = self.api("products", &[("name", "Cup")]).await;
        let product = product["id"].as_str().unwrap();
        let price = [("product", product), ("currency", "sek"), ("unit_amount", amount)];
        self.api("prices", &price).await["id"].as_str().unwrap().to_owned()
    }

    /// The page of a new link to a cup for SEK 100 and whatever else is asked.
    async fn visit(&self, more: &[(&str, &str)]) -> Page {
        let link = self.link(more).await;
        self.open(&link).await
    }

    async fn link(&self, more: &[(&str, &str)]) -> String {
        let price = self.price("10000").await;
        let mut fields = vec![("line_items[0][price]", price.as_str()), ("line_items[0][quantity]", "1")];
        fields.extend(more);
        self.api("payment_links", &fields).await["url"].as_str().unwrap().to_owned()
    }

    async fn open(&self, address: &str) -> Page {
        let mut page = self.get(address).await;
        while !page.location.is_empty() {
            let next = format!("{}{}", self.base, page.location);
            page = self.get(&next).await;
        }
        page
    }

    async fn get(&self, address: &str) -> Page {
        Page::of(address, self.client.get(address).send().await.unwrap()).await
    }

    /// Sends the form of a page with this entered.
    async fn send(&self, page: &Page, entered: &[(&str, &str)]) -> Page {
        let mut fields = page.fields();
        fields.extend(entered.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let address = match page.html.split_once("action=\"") {
            Some((_, rest)) => format!("{}{}", self.base, rest.split('"').next().unwrap()),
            None => page.address.clone(),
        };
        Page::of(&address, self.client.post(&address).form(&fields).send().await.unwrap()).await
    }

    async fn sandbox(&self, path: &str) -> Value {
        self.client.get(format!("{}/_sandbox/{path}", self.base)).send().await.unwrap().json().await.unwrap()
    }

    async fn charges(&self) -> Vec<i64> {
        let ledger = self.sandbox("ledger").await;
        ledger["charges"].as_array().unwrap().iter().map(|charge| charge["amount"].as_i64().unwrap()).collect()
    }

    /// The e-mail address that a paid session has.
    async fn email_of(&self, id: &str) -> String {
        let request = self.client.get(format!("{}/v1/checkout/sessions/{id}", self.base)).bearer_auth("sk_test_x");
        let session: Value = request.send().await.unwrap().json().await.unwrap();
        session["customer_details"]["email"].as_str().unwrap().to_owned()
    }

    /// The session that was paid.
    async fn session_of(&self, paid: &Page) -> Value {
        let id = paid.location.split(['/', '?']).nth(3).unwrap();
        let request = self.client.get(format!("{}/v1/checkout/sessions/{id}", self.base));
        request.bearer_auth("sk_test_x").send().await.unwrap().json().await.unwrap()
    }

    /// Pays without the page.
    async fn pay(&self, body: &Value) -> (u16, Value) {
        let answer = self.client.post(format!("{}/_sandbox/pay", self.base)).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

impl Page {
    async fn of(address: &str, response: reqwest::Response) -> Self {
        let location = response.headers().get("location").map_or("", |location| location.to_str().unwrap()).to_owned();
        let (address, status) = (address.to_owned(), response.status().as_u16());
        Self { address, status, location, html: response.text().await.unwrap() }
    }

    /// The session whose page the browser is sent to.
    fn session_id(&self) -> &str {
        self.location.split(['/', '?']).nth(3).unwrap()
    }

    /// What a browser would send of the fields as they are, but for the button.
    fn fields(&self) -> Fields {
        let attribute = |tag: &str, name: &str| {
            let value = tag.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest.split('"').next().unwrap());
            value.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
        };
        let mut fields = Fields::new();
        for tag in self.html.split("<input").skip(1).map(|rest| rest.split_once('>').unwrap().0) {
            let kind = attribute(tag, "type");
            let is_off = matches!(kind.as_str(), "checkbox" | "radio") && !tag.contains(" checked");
            if kind != "submit" && !is_off {
                fields.insert(attribute(tag, "name"), attribute(tag, "value"));
            }
        }
        for select in self.html.split("<select").skip(1).map(|rest| rest.split_once("</select>").unwrap().0) {
            let chosen = select.split("<option").skip(1).find(|option| option.contains(" selected"));
            fields.insert(attribute(select, "name"), chosen.map_or(String::new(), |option| attribute(option, "value")));
        }
        fields
    }

    fn shows(&self, part: &str) -> bool {
        self.html.contains(part)
    }
}

const PERSON: [(&str, &str); 2] = [("email", "ada@example.com"), ("name", "Ada Lovelace")];

fn by_card<'a>(number: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let card = [("card_number", number), ("card_expiry", "12/34"), ("card_cvc", "123")];
    PERSON.iter().chain(&card).chain(more).copied().collect()
}

#[tokio::test]
async fn an_amount_that_was_not_shown_is_shown_before_it_is_charged() {
    let browser = Browser::new().await;
    let adjustable = [("line_items[0][adjustable_quantity][enabled]", "true")];
    let page = browser.visit(&adjustable).await;
    let quantity = page.fields().keys().find(|name| name.starts_with("quantity.")).unwrap().clone();
    let card = by_card("4242424242424242", &[(quantity.as_str(), "3")]);
    let asked = browser.send(&page, &card).await;
    assert_eq!((asked.status, browser.charges().await), (409, vec![]));
    assert!(
        asked.shows("SEK\u{a0}300.00")
            && asked.shows("Your choices changed the total from")
            && !asked.shows("4242424242424242")
    );
    assert_eq!((asked.fields()["email"].as_str(), asked.fields()[&quantity].as_str()), ("ada@example.com", "3"));
    let paid = browser.send(&asked, &by_card("4242424242424242", &[])).await;
    assert_eq!((paid.status, browser.charges().await), (303, vec![30_000]));
    let thanks = browser.open(&format!("{}{}", browser.base, paid.location)).await;
    assert!(thanks.shows("Your payment was received") && thanks.shows("Quantity 3"));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_card_expires_by_the_sandboxs_clock() {
    let browser = Browser::new().await;
    browser.sandbox.state().clock_offset += 30 * 365 * crate::clock::DAY;
    let page = browser.visit(&[]).await;
    assert_eq!(browser.send(&page, &by_card("4242424242424242", &[])).await.status, 422);
    let paid = browser.send(&page, &by_card("4242424242424242", &[("card_expiry", "12/2098")])).await;
    assert_eq!((paid.status, browser.charges().await.len()), (303, 1));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn an_update_keeps_what_was_entered_and_charges_nothing() {
    let browser = Browser::new().await;
    let page = browser.visit(&[("allow_promotion_codes", "true"), ("phone_number_collection[enabled]", "true")]).await;
    let entered = by_card("4242424242424242", &[("action", "update"), ("promotion_code", "NOPE"), ("phone", "abc")]);
    let updated = browser.send(&page, &entered).await;
    assert_eq!((updated.status, browser.charges().await), (200, vec![]));
    let fields = updated.fields();
    assert_eq!(
        (fields["name"].as_str(), fields["phone"].as_str(), fields["promotion_code"].as_str()),
        ("Ada Lovelace", "abc", "NOPE")
    );
    // The figures were asked for: what else is wrong is told when the customer pays.
    assert!(
        updated.shows("know the code NOPE.") && !updated.shows("phone-error") && !updated.shows("card_number-error")
    );
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_code_comes_with_the_address_takes_off_and_can_be_removed() {
    let browser = Browser::new().await;
    let coupon = browser.api("coupons", &[("percent_off", "10"), ("duration", "once")]).await;
    let promotion =
        [("promotion[type]", "coupon"), ("promotion[coupon]", coupon["id"].as_str().unwrap()), ("code", "SAVE10")];
    browser.api("promotion_codes", &promotion).await;
    let link = browser.link(&[("allow_promotion_codes", "true")]).await;
    let page = browser.open(&format!("{link}?prefilled_promo_code=save10")).await;
    assert!(page.shows("SEK\u{a0}90.00") && page.shows("remove_code"));
    let without = browser.send(&page, &[("action", "remove_code")]).await;
    assert!(without.shows("SEK\u{a0}100.00") && !without.shows("remove_code"));
    let paid = browser.send(&page, &by_card("4242424242424242", &[])).await;
    assert_eq!((paid.status, browser.charges().await), (303, vec![9_000]));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn an_address_that_came_with_the_url_is_shown_and_one_that_is_locked_stays() {
    let browser = Browser::new().await;
    let link = browser.link(&[]).await;
    let page = browser.open(&format!("{link}?prefilled_email=eve%2Bx@example.com")).await;
    assert_eq!(page.fields()["email"], "eve+x@example.com");
    assert!(!page.shows(" readonly "));
    let paid = browser.send(&page, &by_card("4242424242424242", &[])).await;
    assert_eq!((paid.status, browser.email_of(paid.session_id()).await.as_str()), (303, "ada@example.com"));

    let url = format!("{link}?locked_prefilled_email=eve@example.com&prefilled_email=mallory@example.com&locale=sv");
    let page = browser.open(&url).await;
    assert_eq!((page.fields()["email"].as_str(), page.fields()["locale"].as_str()), ("eve@example.com", "sv"));
    assert!(page.shows(" readonly "));
    // The form is made to send another address.
    let paid = browser.send(&page, &by_card("4242424242424242", &[])).await;
    assert_eq!((paid.status, browser.email_of(paid.session_id()).await.as_str()), (303, "eve@example.com"));
    // The form is made to send none.
    let page = browser.open(&url).await;
    let without = Page { html: page.html.replace(" name=\"email\"", " name=\"other\""), ..page };
    let paid = browser.send(&without, &by_card("4242424242424242", &[])[1..]).await;
    assert_eq!((paid.status, browser.email_of(paid.session_id()).await.as_str()), (303, "eve@example.com"));
    let (status, told) = browser.pay(&json!({"url": url, "email": "mallory@example.com"})).await;
    let id = told["session"].as_str().unwrap();
    assert_eq!((status, browser.email_of(id).await.as_str()), (200, "eve@example.com"));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn campaign_codes_go_on_to_where_the_browser_is_sent_and_unfit_ones_are_dropped() {
    let browser = Browser::new().await;
    let redirect = [
        ("after_completion[type]", "redirect"),
        ("after_completion[redirect][url]", "https://shop.example.com/thanks?id={CHECKOUT_SESSION_ID}#top"),
    ];
    let link = browser.link(&redirect).await;
    let page = browser.open(&format!("{link}?utm_source=news&utm_medium=e%20mail&utm_content=b-1&utm_other=x")).await;
    let paid = browser.send(&page, &by_card("4242424242424242", &[])).await;
    let id = page.address.rsplit('/').next().unwrap().split('?').next().unwrap();
    let wanted = format!("https://shop.example.com/thanks?id={id}&utm_source=news&utm_content=b-1#top");
    assert_eq!((paid.status, paid.location), (303, wanted));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn the_bank_carries_every_entry_on_but_the_card() {
    let browser = Browser::new().await;
    let asked = [
        ("custom_fields[0][key]", "size"),
        ("custom_fields[0][label][type]", "custom"),
        ("custom_fields[0][label][custom]", "Size"),
        ("custom_fields[0][type]", "text"),
        ("consent_collection[terms_of_service]", "required"),
    ];
    let page = browser.visit(&asked).await;
    let bank =
        browser.send(&page, &by_card("4000002500003155", &[("field.size", "L & \"XL\""), ("terms", "yes")])).await;
    assert_eq!(bank.status, 200);
    assert!(bank.shows("This page plays the bank") && !bank.shows("4000002500003155"));
    let failed = browser.send(&bank, &[("outcome", "fail")]).await;
    assert_eq!((failed.status, failed.fields()["field.size"].as_str()), (402, "L & \"XL\""));
    // The bank said no: it can't be said to have said yes.
    assert_eq!(browser.send(&bank, &[("outcome", "complete")]).await.status, 402);
    let entered = [("field.size", "L & \"XL\""), ("terms", "yes"), ("card_expiry", "07/31")];
    let bank = browser.send(&page, &by_card("4000002500003155", &entered)).await;
    let paid = browser.send(&bank, &[("outcome", "complete")]).await;
    assert_eq!((paid.status, browser.charges().await), (303, vec![10_000]));
    let session = browser.session_of(&paid).await;
    assert_eq!(session["custom_fields"][0]["text"]["value"], "L & \"XL\"");
    assert_eq!(session["consent"]["terms_of_service"], "accepted");
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_bank_says_yes_only_to_a_card_about_which_it_was_asked() {
    let browser = Browser::new().await;
    let page = browser.visit(&[]).await;
    let authenticate = |page: &Page| Page {
        html: page.html.replacen("\" novalidate", "/authenticate\"", 1),
        address: page.address.clone(),
        location: String::new(),
        status: page.status,
    };
    let forged = browser.send(&authenticate(&page), &by_card("4000000000000002", &[("outcome", "complete")])).await;
    assert_eq!((forged.status, browser.charges().await), (402, vec![]));
    let asked = by_card("4000002500003155", &[("card_expiry", "07/31")]);
    let bank = browser.send(&page, &asked).await;
    // Another card takes the place of the one about which the bank was asked.
    browser.send(&page, &by_card("4000000000000002", &[])).await;
    assert_eq!(browser.send(&bank, &[("outcome", "complete")]).await.status, 402);
    let bank = browser.send(&page, &asked).await;
    assert_eq!(browser.send(&bank, &[("outcome", "complete")]).await.status, 303);
    let charges = browser.client.get(format!("{}/v1/charges", browser.base)).bearer_auth("sk_test_x");
    let charges: Value = charges.send().await.unwrap().json().await.unwrap();
    let card = &charges["data"][0]["payment_method_details"]["card"];
    assert_eq!((&card["last4"], &card["exp_month"], &card["exp_year"]), (&json!("3155"), &json!(7), &json!(2031)));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn everything_wrong_is_told_at_once_and_a_strange_form_is_refused() {
    let browser = Browser::new().await;
    let page = browser.visit(&[("phone_number_collection[enabled]", "true")]).await;
    let wrong = browser.send(&page, &[("email", "ada"), ("card_number", "4111111111111111")]).await;
    assert_eq!(wrong.status, 422);
    for name in ["email", "phone", "name", "card_number", "card_expiry", "card_cvc"] {
        assert!(wrong.shows(&format!("id=\"{name}-error\"")), "{name}");
    }
    assert_eq!(browser.send(&page, &[("token", "another")]).await.status, 403);
    let declined = browser.send(&wrong, &by_card("4000000000000002", &[("phone", "+46 8 123 45 67")])).await;
    assert!(declined.status == 402 && declined.shows("The card was declined"));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn what_only_the_engine_knows_is_told_with_the_card_still_unread() {
    let browser = Browser::new().await;
    let asked = [
        ("custom_fields[0][key]", "note"),
        ("custom_fields[0][label][type]", "custom"),
        ("custom_fields[0][label][custom]", "Note"),
        ("custom_fields[0][type]", "text"),
        ("tax_id_collection[enabled]", "true"),
        ("name_collection[business][enabled]", "true"),
        ("billing_address_collection", "required"),
    ];
    let page = browser.visit(&asked).await;
    let (note, business) = ("x".repeat(256), "y".repeat(151));
    let entered = [
        ("email", "ada@.com"),
        ("field.note", note.as_str()),
        ("business_name", business.as_str()),
        ("tax_id_type", "eu_vat"),
        ("tax_id", "12"),
        ("country", "US"),
    ];
    let wrong = browser.send(&page, &entered).await;
    assert_eq!(wrong.status, 422);
    let names = ["email", "field.note", "business_name", "tax_id", "billing.line1", "billing.state", "card_number"];
    for name in names {
        assert!(wrong.shows(&format!("id=\"{name}-error\"")), "{name}");
    }
    assert!(!wrong.shows("method-error"));
    assert!(browser.send(&page, &[("email", "")]).await.shows("id=\"email-error\""));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn what_was_emptied_is_not_what_stood_there_before() {
    let browser = Browser::new().await;
    let asked = [
        ("line_items[0][adjustable_quantity][enabled]", "true"),
        ("custom_fields[0][key]", "note"),
        ("custom_fields[0][label][type]", "custom"),
        ("custom_fields[0][label][custom]", "Note"),
        ("custom_fields[0][type]", "text"),
        ("custom_fields[0][optional]", "true"),
        ("custom_fields[0][text][default_value]", "as it was"),
    ];
    let page = browser.visit(&asked).await;
    assert_eq!(page.fields()["field.note"], "as it was");
    let quantity = page.fields().keys().find(|name| name.starts_with("quantity.")).unwrap().clone();
    let emptied = browser.send(&page, &by_card("4242424242424242", &[(quantity.as_str(), "")])).await;
    assert!(emptied.status == 422 && emptied.shows(&format!("id=\"{quantity}-error\"")));
    assert_eq!(browser.charges().await, [0_i64; 0]);
    let paid = browser.send(&page, &by_card("4242424242424242", &[("field.note", "")])).await;
    assert_eq!(paid.status, 303);
    let session = browser.session_of(&paid).await;
    assert_eq!(session["custom_fields"][0]["text"]["value"], Value::Null);
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_test_pays_without_the_page_and_hears_what_does_not_fit() {
    let browser = Browser::new().await;
    let asked = [("phone_number_collection[enabled]", "true"), ("consent_collection[terms_of_service]", "required")];
    let link = browser.link(&asked).await;
    let (status, answer) = browser.pay(&json!({"url": link})).await;
    let fields: Vec<&Value> = answer["fields"].as_array().unwrap().iter().map(|field| &field["field"]).collect();
    assert_eq!((status, fields), (422, vec![&json!("phone"), &json!("terms")]));
    let (status, answer) = browser.pay(&json!({"url": link, "phone": "+46 8 123 45 67", "terms": true})).await;
    assert_eq!((status, &answer["payment_status"]), (200, &json!("paid")));
    assert_eq!(browser.pay(&json!({"url": link, "card": "4111111111111111"})).await.0, 422);
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_bank_transfer_waits_for_the_money_and_hears_when_it_comes() {
    let browser = Browser::new().await;
    let customer = browser.api("customers", &[("email", "ada@example.com")]).await;
    let session = browser
        .api(
            "checkout/sessions",
            &[
                ("mode", "payment"),
                ("customer", customer["id"].as_str().unwrap()),
                ("success_url", "https://example.com/done?id={CHECKOUT_SESSION_ID}"),
                ("allowed_payment_method_types[0]", "customer_balance"),
                ("payment_method_options[customer_balance][funding_type]", "bank_transfer"),
                ("payment_method_options[customer_balance][bank_transfer][type]", "eu_bank_transfer"),
                ("payment_method_options[customer_balance][bank_transfer][eu_bank_transfer][country]", "DE"),
                ("line_items[0][price_data][currency]", "eur"),
                ("line_items[0][price_data][unit_amount]", "10000"),
                ("line_items[0][price_data][product_data][name]", "Cup"),
                ("line_items[0][quantity]", "1"),
            ],
        )
        .await;
    let address = session["url"].as_str().unwrap();
    let page = browser.open(address).await;
    assert!(
        page.shows("Continue to the transfer")
            && !page.shows("card_number")
            && page.fields()["email"] == "ada@example.com"
    );
    let placed = browser.send(&page, &PERSON).await;
    let done = format!("https://example.com/done?id={}", session["id"].as_str().unwrap());
    assert_eq!((placed.status, &placed.location), (303, &done));
    let waiting = browser.open(address).await;
    assert!(waiting.shows(&format!("href=\"{done}\"")));
    assert!(waiting.shows("Transfer to this account") && waiting.shows("IBAN") && waiting.shows("€100.00"));
    let arrived = browser
        .client
        .post(format!("{}/_sandbox/bank_transfer", browser.base))
        .json(&json!({"session": session["id"]}));
    let arrived: Value = arrived.send().await.unwrap().json().await.unwrap();
    assert_eq!(arrived["payment_status"], "paid");
    assert!(browser.open(address).await.shows("Your payment was received"));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn tax_is_told_for_the_country_that_the_form_begins_with() {
    let browser = Browser::new().await;
    let page = browser.visit(&[("automatic_tax[enabled]", "true")]).await;
    assert!(page.shows("SEK\u{a0}125.00") && page.fields()["country"] == "SE");
    let abroad = browser.send(&page, &[("action", "update"), ("country", "US")]).await;
    assert!(abroad.shows("SEK\u{a0}100.00") && !abroad.shows("SEK\u{a0}125.00"));
    // Who is known begins with their own address.
    let german = [("email", "ada@example.com"), ("address[country]", "DE"), ("address[line1]", "Hauptstraße 1")];
    let customer = browser.api("customers", &german).await;
    let price = browser.price("10000").await;
    let session = [
        ("mode", "payment"),
        ("customer", customer["id"].as_str().unwrap()),
        ("success_url", "https://example.com/done"),
        ("automatic_tax[enabled]", "true"),
        ("billing_address_collection", "required"),
        ("line_items[0][price]", &price),
        ("line_items[0][quantity]", "1"),
    ];
    let session = browser.api("checkout/sessions", &session).await;
    let page = browser.open(session["url"].as_str().unwrap()).await;
    let fields = page.fields();
    assert_eq!((fields["country"].as_str(), fields["billing.line1"].as_str()), ("DE", "Hauptstraße 1"));
    assert!(page.shows("SEK\u{a0}119.00"));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_page_begins_without_errors_in_the_language_wished_and_may_fetch_nothing() {
    let browser = Browser::new().await;
    let link = browser.link(&[("phone_number_collection[enabled]", "true")]).await;
    let page = browser.open(&format!("{link}?locale=sv&prefilled_email=ada@example.com")).await;
    assert!(page.shows("lang=\"sv\"") && page.shows("Betala 100,00\u{a0}kr") && !page.shows("-error"));
    assert_eq!(page.fields()["email"], "ada@example.com");
    let answer = browser.client.get(&page.address).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    assert_eq!(header("content-security-policy"), policy);
    assert_eq!((header("cache-control"), header("x-frame-options")), ("no-store".to_owned(), "DENY".to_owned()));
    // The language goes along to the page after the payment.
    let paid = browser.send(&page, &by_card("4242424242424242", &[("phone", "+46 8 123 45 67")])).await;
    assert!(browser.open(&format!("{}{}", browser.base, paid.location)).await.shows("Din betalning har tagits emot."));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_closed_link_an_expired_session_and_nothing_at_all_are_told() {
    let browser = Browser::new().await;
    let link =
        browser.link(&[("inactive_message", "Sold out"), ("restrictions[completed_sessions][limit]", "1")]).await;
    let page = browser.open(&link).await;
    let late = browser.open(&link).await;
    assert_eq!(browser.send(&page, &by_card("4242424242424242", &[])).await.status, 303);
    // The link was used up while this one looked at it.
    let refused = browser.send(&late, &by_card("4242424242424242", &[])).await;
    assert!(refused.shows("Sold out") && browser.charges().await == [10_000]);
    assert!(browser.open(&link).await.shows("Sold out"));
    let price = browser.price("10000").await;
    let session = [("mode", "payment"), ("line_items[0][price]", &price), ("line_items[0][quantity]", "1")];
    let more = [("cancel_url", "https://example.com/cart"), ("branding_settings[display_name]", "Ada's cups")];
    let session = browser.api("checkout/sessions", &[&session[..], &more].concat()).await;
    let page = browser.open(session["url"].as_str().unwrap()).await;
    assert!(page.shows("Pay Ada's cups"));
    assert!(page.shows("href=\"https://example.com/cart\""));
    browser.api(&format!("checkout/sessions/{}/expire", session["id"].as_str().unwrap()), &[]).await;
    let expired = browser.send(&page, &by_card("4242424242424242", &[])).await;
    assert!(expired.shows("This checkout has expired") && browser.charges().await == [10_000]);
    // A visit that took too long says so, and the link is open for another.
    let link = browser.link(&[("inactive_message", "Sold out")]).await;
    let page = browser.open(&link).await;
    let day = browser.client.post(format!("{}/_sandbox/clock", browser.base));
    day.json(&json!({"advance_seconds": 25 * 60 * 60})).send().await.unwrap();
    let late = browser.get(&page.address).await;
    assert!(late.shows("This checkout has expired") && !late.shows("Sold out"));
    assert!(browser.open(&link).await.shows("card_number"));
    let nothing = browser.open(&format!("{}/test_nothing", browser.base)).await;
    assert!(nothing.status == 404 && nothing.shows("Nothing here"));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn an_order_that_comes_to_nothing_is_completed_without_a_card() {
    let browser = Browser::new().await;
    let coupon = browser.api("coupons", &[("percent_off", "100"), ("duration", "once")]).await;
    let coupon = coupon["id"].as_str().unwrap();
    browser
        .api("promotion_codes", &[("promotion[type]", "coupon"), ("promotion[coupon]", coupon), ("code", "FREE")])
        .await;
    let page = browser.visit(&[("allow_promotion_codes", "true")]).await;
    let free = browser.send(&page, &[("action", "update"), ("promotion_code", "FREE")]).await;
    assert!(free.shows("Complete the order") && !free.shows("card_number"));
    // Nobody is drawn on, and no bill is sent.
    assert!(!free.shows("name=\"name\"") && !free.shows("name=\"country\""));
    let done = browser.send(&free, &PERSON[..1]).await;
    assert_eq!((done.status, browser.charges().await), (303, vec![]));
    assert!(browser.open(&format!("{}{}", browser.base, done.location)).await.shows("There was nothing to pay."));
    browser.sandbox.shutdown().await;
}

#[tokio::test]
async fn a_bank_debit_is_on_its_way_until_the_bank_answers() {
    let browser = Browser::new().await;
    let debit = [
        ("mode", "payment"),
        ("allowed_payment_method_types[0]", "card"),
        ("allowed_payment_method_types[1]", "sepa_debit"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][unit_amount]", "10000"),
        ("line_items[0][price_data][product_data][name]", "Cup"),
        ("line_items[0][quantity]", "1"),
    ];
    for (account, said) in
        [("AT61 1904 3002 3457 3201", "Your payment was received"), ("AT86 1904 3002 3547 0000", "The payment failed")]
    {
        let session = browser.api("checkout/sessions", &debit).await;
        let address = session["url"].as_str().unwrap();
        let page = browser.open(address).await;
        let entered =
            [&PERSON[..], &[("country", "DE"), ("method", "bank_debit"), ("account_number", account)]].concat();
        assert_eq!(browser.send(&page, &entered).await.status, 303);
        assert!(browser.open(address).await.shows("Payment on its way"));
        let week = browser.client.post(format!("{}/_sandbox/clock", browser.base));
        week.json(&json!({"advance_seconds": 7 * 24 * 60 * 60})).send().await.unwrap();
        assert!(browser.open(address).await.shows(said), "{account}");
    }
    browser.sandbox.shutdown().await;
}
