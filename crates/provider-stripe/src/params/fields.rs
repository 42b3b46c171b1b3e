//! Refusals of Stripe's, told as fields of what the caller asked for.

use domain::ports::provider::ProviderError;

/// A refusal of what was prepared for a link, as one of the link's field for it: whoever makes the link knows nothing of
/// the product, price or shipping rate that Stripe refused.
pub(crate) fn refused_in(error: ProviderError, field: &str) -> ProviderError {
    match error {
        ProviderError::Rejected { code, .. } => ProviderError::Rejected { field: Some(field.to_owned()), code },
        other => other,
    }
}

/// The same refusal of a page for one amount: its only item is what is asked for.
pub(crate) fn of_one_amount(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Rejected { field: Some(field), code } if field.starts_with("line_items") => {
            ProviderError::Rejected { field: Some("amount".to_owned()), code }
        }
        other => other,
    }
}

/// The field of ours that a parameter of Stripe's came from.
pub(crate) fn our_field(param: &str) -> Option<String> {
    let (first, rest) = param.split_once('[').unwrap_or((param, ""));
    let index = rest.split_once(']').map_or("", |(index, _)| index);
    match first {
        "line_items" | "optional_items" | "shipping_options" if index.is_empty() => Some(first.to_owned()),
        "line_items" if param.contains("[quantity]") => Some(format!("line_items[{index}].quantity")),
        "line_items" | "optional_items" | "shipping_options" => Some(format!("{first}[{index}]")),
        "metadata" => Some(format!("metadata[\"{index}\"]")),
        "success_url" => Some("return_url".to_owned()),
        "promotion" => Some("coupon_id".to_owned()),
        "restrictions" if param.contains("minimum_amount") => Some("minimum_amount".to_owned()),
        "restrictions" if index == "first_time_transaction" => Some("first_time_only".to_owned()),
        "amount" | "reason" | "code" | "max_redemptions" | "active" => Some(first.to_owned()),
        "amount_to_capture" => Some("amount".to_owned()),
        "expires_at" => Some("expire_time".to_owned()),
        "cancel_url"
        | "locale"
        | "inactive_message"
        | "after_completion"
        | "allow_promotion_codes"
        | "invoice_creation"
        | "automatic_tax"
        | "managed_payments" => Some(first.to_owned()),
        "restrictions" => Some("restrictions.completed_sessions_limit".to_owned()),
        "billing_address_collection" => Some("collection.billing_address".to_owned()),
        "shipping_address_collection" => Some("collection.shipping_address".to_owned()),
        "phone_number_collection" => Some("collection.phone_number".to_owned()),
        "name_collection" => Some("collection.names".to_owned()),
        "tax_id_collection" => Some("collection.tax_id".to_owned()),
        "consent_collection" => Some("collection.consent".to_owned()),
        "custom_fields" | "custom_text" | "submit_type" | "customer_creation" => Some(format!("collection.{first}")),
        "payment_method_types" => Some("payment.method_types".to_owned()),
        "payment_method_collection" => Some("payment.method_collection".to_owned()),
        // What is said of transfers follows from the mode of the checkout.
        "payment_method_options" if index == "customer_balance" => Some("mode".to_owned()),
        "payment_method_options" => Some("payment.blocked_card_brands".to_owned()),
        "payment_intent_data" if index.is_empty() => Some("payment".to_owned()),
        "payment_intent_data" => Some(format!("payment.{index}")),
        "application_fee_amount" | "application_fee_percent" | "on_behalf_of" => Some(format!("platform.{first}")),
        "transfer_data" => Some("platform.transfer".to_owned()),
        "subscription_data" if index.is_empty() => Some("subscription".to_owned()),
        "subscription_data" => match index {
            "trial_settings" => Some("subscription.trial_end".to_owned()),
            "invoice_settings" => Some("subscription.invoice".to_owned()),
            _ => Some(format!("subscription.{index}")),
        },
        _ => None,
    }
}
