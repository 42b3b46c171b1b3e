//! What must be entered, beside what is known already.

use super::*;

#[test]
fn an_address_that_is_known_stands_unless_the_customer_empties_it() {
    let mut sandbox = Sandbox::new();
    let customer = sandbox.call("POST /v1/customers", "email=a@b.se")["id"].as_str().unwrap().to_owned();
    let body = format!("mode=payment&{}", lines("sek", &[10_000]));
    let (known, stranger) = (sandbox.session(&format!("{body}&customer={customer}")), sandbox.session(&body));
    let with = |email: Option<&str>| Purchase { email: email.map(str::to_owned), ..purchase("4242") };
    assert_eq!(sandbox.field_error(&known, &with(Some(" "))), (FormField::Email, FieldErrorKind::Missing));
    assert_eq!(sandbox.field_error(&stranger, &with(None)), (FormField::Email, FieldErrorKind::Missing));
    assert_eq!(sandbox.pay(&known, &with(None))["customer_details"]["email"], "a@b.se");
}
