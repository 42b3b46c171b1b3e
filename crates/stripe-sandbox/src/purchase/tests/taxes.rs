//! Where a purchase is taxed, and whether its tax is within.

use super::*;

#[test]
fn a_known_customer_is_taxed_where_they_are_known_to_be() {
    let mut sandbox = Sandbox::new();
    let customer = sandbox.call("POST /v1/customers", "address[country]=DE&address[line1]=Am Markt 1");
    let customer = customer["id"].as_str().unwrap().to_owned();
    let body = format!("mode=payment&{}automatic_tax[enabled]=true&customer={customer}", lines("sek", &[10_000]));
    let session = sandbox.session(&body);
    assert_eq!(sandbox.quote(&session, &purchase("4242")).0.total, 11_900);
    let session = sandbox.session(&format!("{body}&customer_update[address]=auto"));
    assert_eq!(sandbox.quote(&session, &purchase("4242")).0.total, 12_500);
}

#[test]
fn tax_is_within_or_on_top_as_each_currency_says() {
    let mut sandbox = Sandbox::new();
    let price = sandbox.call("POST /v1/prices", "currency=sek&unit_amount=10000&tax_behavior=exclusive&product_data[name]=Mug&currency_options[eur][unit_amount]=1000&currency_options[eur][tax_behavior]=inclusive");
    let rate = sandbox.call("POST /v1/shipping_rates", "display_name=Post&tax_behavior=exclusive&fixed_amount[amount]=1000&fixed_amount[currency]=sek&fixed_amount[currency_options][eur][amount]=100&fixed_amount[currency_options][eur][tax_behavior]=inclusive");
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let item = format!("line_items[0][price]={}&line_items[0][quantity]=1", id(&price));
    let body =
        format!("mode=payment&{item}&shipping_options[0][shipping_rate]={}&automatic_tax[enabled]=true", id(&rate));
    for (currency, total) in [("sek", 13_750), ("eur", 1_100)] {
        let session = sandbox.session(&format!("{body}&currency={currency}"));
        assert_eq!(sandbox.quote(&session, &purchase("4242")).0.total, total, "{currency}");
    }
}
