//! What the URL of a payment link brings along, by Stripe's names: docs.stripe.com/payment-links/url-parameters, and for the
//! e-mail address, the promotion code and the language docs.stripe.com/payment-links/customize. Stripe takes references of
//! at most 200 and campaign codes of at most 150 letters, digits, hyphens and underscores, and drops what does not fit
//! without a word, so the domain has checked all of it before.

use domain::payment_link::{LinkSharing, PrefilledEmail};
use domain::ports::provider::ProviderError;
use url::Url;

/// The URL of a link with its parameters, beside those that it has already.
pub(crate) fn payment_link_url(url: &str, sharing: &LinkSharing) -> Result<String, ProviderError> {
    if *sharing == LinkSharing::default() {
        return Ok(url.to_owned());
    }
    let mut url = Url::parse(url)
        .map_err(|_| ProviderError::Rejected { field: None, code: "unreadable_payment_link_url".to_owned() })?;
    {
        let mut query = url.query_pairs_mut();
        if let Some(reference) = &sharing.client_reference {
            query.append_pair("client_reference_id", reference.as_str());
        }
        match &sharing.email {
            Some(PrefilledEmail::Changeable(email)) => {
                query.append_pair("prefilled_email", email.as_str());
            }
            Some(PrefilledEmail::Locked(email)) => {
                query.append_pair("locked_prefilled_email", email.as_str());
            }
            None => {}
        }
        if let Some(code) = &sharing.promotion_code {
            query.append_pair("prefilled_promo_code", code.as_str());
        }
        if let Some(locale) = &sharing.locale {
            query.append_pair("locale", locale.as_str());
        }
        query.extend_pairs(sharing.utm.iter());
    }
    Ok(url.into())
}

#[cfg(test)]
mod tests {
    use domain::payment_link::SharingSpec;
    use domain::validation::Validator;

    use super::*;

    fn shared(url: &str, spec: &SharingSpec) -> String {
        let sharing = LinkSharing::parse(&mut Validator::new(), spec).unwrap();
        payment_link_url(url, &sharing).unwrap()
    }

    #[test]
    fn every_parameter_has_stripes_name_and_is_encoded() {
        let spec = SharingSpec {
            client_reference_id: "basket_7".to_owned(),
            prefilled_email: "ada+shop&co@example.com".to_owned(),
            prefilled_promo_code: "SUMMER-10".to_owned(),
            locale: "pt-BR".to_owned(),
            utm: ["news", "email", "fall", "chairs", "top"].map(str::to_owned),
            ..SharingSpec::default()
        };
        assert_eq!(
            shared("https://buy.stripe.com/test_1", &spec),
            "https://buy.stripe.com/test_1?client_reference_id=basket_7&prefilled_email=ada%2Bshop%26co%40example.com\
             &prefilled_promo_code=SUMMER-10&locale=pt-BR&utm_source=news&utm_medium=email&utm_campaign=fall\
             &utm_term=chairs&utm_content=top"
        );
    }

    #[test]
    fn a_locked_address_has_a_name_of_its_own_and_a_query_that_is_there_stays() {
        let spec = SharingSpec { locked_prefilled_email: "å@example.com".to_owned(), ..SharingSpec::default() };
        assert_eq!(
            shared("https://pay.example.com/x?a=1", &spec),
            "https://pay.example.com/x?a=1&locked_prefilled_email=%C3%A5%40example.com"
        );
    }

    #[test]
    fn a_url_that_brings_nothing_is_the_links_own() {
        let url = "https://buy.stripe.com/test_1";
        assert_eq!(shared(url, &SharingSpec::default()), url);
        let any = SharingSpec { locale: "sv".to_owned(), ..SharingSpec::default() };
        let sharing = LinkSharing::parse(&mut Validator::new(), &any).unwrap();
        assert!(matches!(payment_link_url("no url", &sharing), Err(ProviderError::Rejected { .. })));
    }
}
