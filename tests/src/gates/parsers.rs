//! What reads bytes of others, tried with bytes that nobody would send: the targets of `tests/fuzz` in small, with bytes
//! that mean nothing and with ones that nearly do.

use api_proto::v1;
use proptest::prelude::{Strategy, any, prop};
use proptest::test_runner::{Config, TestRunner};
use prost::Message;

use crate::harness::{automatic, invoice_request, item, line, sek};

/// How often each target is tried with bytes of each kind.
const CASES: u32 = 2_000;

type Target = (&'static str, fn(&[u8]), Vec<Vec<u8>>);

/// Each target, with inputs that are right.
fn targets() -> Vec<Target> {
    let texts = |all: &[&str]| all.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    vec![
        (
            "figures",
            domain::fuzzing::figures,
            texts(&["12.345678901234 SEK", "100 EUR", "0.00005 JPY", "25", "4294967295 USD"]),
        ),
        (
            "names",
            domain::fuzzing::names,
            texts(&[
                "SE556703748501",
                "DE136695976",
                "ada@example.com",
                "SE45 5000 0000 0583 9825 7466",
                "ESSESESS",
                "160-9908",
                "sv-SE",
                "txcd_99999999",
                "order 42424242-4242-4242-8242-424242424242",
                "4242 4242 4242 4242",
                "４２４２ 4242",
            ]),
        ),
        (
            "redirects",
            domain::fuzzing::redirects,
            texts(&[
                "https://shop.example.com/a?b={CHECKOUT_SESSION_ID}#c",
                "https://a.b.example.net./",
                "https://shop.example.com:8443@a.example.net/",
                "https://shop.example.com\\@evil.example.org/",
                "https:\t//shop.example.com",
                "http://127.0.0.1/",
                "javascript:alert(1)",
            ]),
        ),
        ("requests", api_grpc::fuzzing::requests, requests()),
        (
            "page_tokens",
            api_grpc::fuzzing::page_tokens,
            texts(&["prod_0193a5c2e8b27c3a9f0e1d2c3b4a5968", "MTpmZjpwcm9kXzAxOTM", "MTo6"]),
        ),
        (
            "numbers",
            api_http::fuzzing::numbers,
            texts(&["1608.75", "-0.00", "1.60875e3", "160875E-2", "0e999999999999999999999"]),
        ),
        (
            "bodies",
            api_http::fuzzing::bodies,
            texts(&[
                r#"{"amount": 12.5e2, "currency": "SEK", "metadata": {"a": "b"}, "expiresAt": "2026-11-24T12:30:45Z"}"#,
                r#"{"amount": 1, "amount": 2, "x": [{"y": null}]}"#,
            ]),
        ),
        (
            "webhooks",
            provider_stripe::fuzzing::webhooks,
            texts(&[
                "t=1795478400,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd\n\
                 {\"id\": \"evt_1\", \"type\": \"invoice.paid\", \"created\": 1, \"livemode\": true, \
                 \"data\": {\"object\": {\"id\": \"in_1\"}}}",
                "t=1795478400,v1=,v1=00\n{\"data\": [{\"id\": \"evt_1\", \"type\": \"charge.dispute.created\", \
                 \"created\": 1, \"livemode\": false, \"data\": {\"object\": {\"id\": \"dp_1\"}}}], \"has_more\": true}",
            ]),
        ),
        (
            "forms",
            stripe_sandbox::fuzzing::forms,
            texts(&[
                "line_items[0][price_data][currency]=sek&a[]=1&a[]=2&metadata[%5B]=x",
                "a=1&a[b]=2",
                "a[0][b]=%F0%9F",
            ]),
        ),
    ]
}

/// Requests with much in them, as they are encoded.
fn requests() -> Vec<Vec<u8>> {
    let tiers = vec![
        v1::PriceTier { up_to: Some(10), unit_price: Some(sek(900)), ..v1::PriceTier::default() },
        v1::PriceTier { unit_price: Some(sek(800)), ..v1::PriceTier::default() },
    ];
    let model = v1::price_model::Model::Volume(v1::TieredPrice { tiers });
    let price = v1::CreatePriceRequest {
        model: Some(v1::PriceModel { model: Some(model) }),
        recurrence: Some(v1::Recurrence { interval: v1::RecurrenceInterval::Month as i32, interval_count: 3 }),
        ..v1::CreatePriceRequest::default()
    };
    let kind = Some(v1::custom_field::Kind::Text(v1::TextField::default()));
    let link = v1::CreatePaymentLinkRequest {
        line_items: vec![item("Ticket", 10_000, 2)],
        metadata: [("basket".to_owned(), "7".to_owned())].into(),
        expire_time: Some(prost_types::Timestamp { seconds: 1_795_478_400, nanos: 999_999_999 }),
        collection: Some(v1::Collection {
            shipping_address: Some(v1::ShippingAddressCollection { allowed_country_codes: vec!["SE".to_owned()] }),
            custom_fields: vec![v1::CustomField {
                key: "size".to_owned(),
                label: "Size".to_owned(),
                kind,
                ..Default::default()
            }],
            ..v1::Collection::default()
        }),
        payment: Some(v1::PaymentSettings {
            method_types: vec!["card".to_owned()],
            description: "Tickets".to_owned(),
            ..v1::PaymentSettings::default()
        }),
        subscription: Some(v1::SubscriptionSettings { trial_period_days: 14, ..Default::default() }),
        ..v1::CreatePaymentLinkRequest::default()
    };
    let invoice = v1::CreateInvoiceRequest {
        lines: vec![v1::InvoiceLineInput { tax: Some(automatic()), ..line(10_000) }],
        tax_point: Some(v1::Date { year: 2026, month: 2, day: 29 }),
        ..invoice_request()
    };
    let customer = v1::CreateCustomerRequest {
        address: Some(v1::Address {
            city: "Umeå".to_owned(), country_code: "SE".to_owned(), ..v1::Address::default()
        }),
        tax_ids: vec!["SE556703748501".to_owned()],
        ..v1::CreateCustomerRequest::default()
    };
    vec![price.encode_to_vec(), link.encode_to_vec(), invoice.encode_to_vec(), customer.encode_to_vec()]
}

/// One of the inputs, with some bytes changed, some left out, and maybe its end.
fn nearly_right(inputs: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let changes = prop::collection::vec(change, 0..6);
    (prop::sample::select(inputs), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, end, is_cut)| {
            for (place, byte, what) in changes {
                let at = place.index(bytes.len().max(1));
                match what {
                    0 => bytes.insert(at.min(bytes.len()), byte),
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    // Often something that means something.
                    2 if at < bytes.len() => bytes[at] = b"0129-+.,:/@[]{}\"\\%eE \n"[usize::from(byte) % 22],
                    _ if at < bytes.len() => bytes[at] = byte,
                    _ => {}
                }
            }
            if is_cut {
                bytes.truncate(end.index(bytes.len() + 1));
            }
            bytes
        },
    )
}

#[test]
fn nothing_that_reads_bytes_breaks_at_any() {
    for (name, target, inputs) in targets() {
        for input in &inputs {
            target(input);
        }
        // The same bytes each time: what a run finds, every run finds.
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let mut runner =
            TestRunner::new_with_rng(config, proptest::test_runner::TestRng::deterministic_rng(Default::default()));
        let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
        let tried = runner.run(&any_bytes, |bytes| {
            target(&bytes);
            Ok(())
        });
        tried.unwrap_or_else(|error| panic!("{name}: {error}"));
        let tried = runner.run(&nearly_right(inputs), |bytes| {
            target(&bytes);
            Ok(())
        });
        tried.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Each target has its program in `tests/fuzz`, and none is there without.
#[test]
fn every_target_can_be_fuzzed() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");
    let manifest = std::fs::read_to_string(format!("{directory}/Cargo.toml")).unwrap();
    let mut programs: Vec<_> = std::fs::read_dir(format!("{directory}/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().trim_end_matches(".rs").to_owned())
        .collect();
    programs.sort();
    let mut names: Vec<_> = targets().iter().map(|(name, ..)| (*name).to_owned()).collect();
    names.sort();
    assert_eq!(programs, names);
    for name in names {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let program = std::fs::read_to_string(format!("{directory}/fuzz_targets/{name}.rs")).unwrap();
        assert!(program.contains(&format!("fuzzing::{name}(data)")), "{name}");
    }
}
