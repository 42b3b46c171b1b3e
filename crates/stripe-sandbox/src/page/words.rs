//! What the pages say, in each language. A missing word does not compile.

use super::form::{Field, Problem};

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locale {
    En,
    Sv,
}

impl Locale {
    /// What the URL wishes, else what the session says, else what the browser accepts, else English.
    pub(crate) fn negotiate(wished: Option<&str>, session: Option<&str>, accepted: Option<&str>) -> Self {
        let parse = |tag: &str| match tag.split(['-', '_', ';', ',']).next().unwrap_or_default().trim() {
            "sv" => Some(Self::Sv),
            "en" => Some(Self::En),
            _ => None,
        };
        let accepted = accepted.and_then(|list| list.split(',').find_map(parse));
        wished.and_then(parse).or(session.and_then(parse)).or(accepted).unwrap_or(Self::En)
    }

    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Sv => "sv",
        }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Sv => &SV,
        }
    }
}

/// The words of a language.
pub(super) struct Words {
    pub(super) banner_title: &'static str,
    pub(super) banner_text: &'static str,
    pub(super) checkout_title: &'static str,
    pub(super) to_pay: &'static str,
    pub(super) total: &'static str,
    pub(super) quantity: &'static str,
    pub(super) back: &'static str,
    pub(super) pay_by_card: &'static str,
    pub(super) check_fields: &'static str,
    pub(super) test_cards: &'static str,
    pub(super) test_cards_note: &'static str,
    pub(super) cards: &'static [(&'static str, &'static str); 6],
    pub(super) countries: &'static [(&'static str, &'static str)],
    pub(super) challenge_title: &'static str,
    pub(super) challenge_text: &'static str,
    pub(super) challenge_complete: &'static str,
    pub(super) challenge_fail: &'static str,
    pub(super) paid_title: &'static str,
    pub(super) paid_text: &'static str,
    pub(super) closed_title: &'static str,
    pub(super) inactive_text: &'static str,
    pub(super) expired_text: &'static str,
    pub(super) not_found_title: &'static str,
    pub(super) not_found_text: &'static str,
    pub(super) index_text: &'static str,
    /// E-mail, card number, expiry, security code, name, country.
    labels: [&'static str; 6],
    /// Pay, book, donate, subscribe.
    submits: [&'static str; 4],
    /// Declined, insufficient funds, authentication failed.
    declines: [&'static str; 3],
    missing: &'static str,
    /// E-mail, card number, expiry, security code, name, country.
    malformed: [&'static str; 6],
    not_a_test_card: &'static str,
    past: &'static str,
}

impl Words {
    pub(super) fn label(&self, field: Field) -> &'static str {
        self.labels[field as usize]
    }

    pub(super) fn problem(&self, field: Field, problem: Problem) -> &'static str {
        match problem {
            Problem::Missing => self.missing,
            Problem::Malformed => self.malformed[field as usize],
            Problem::NotATestCard => self.not_a_test_card,
            Problem::Past => self.past,
        }
    }

    pub(super) fn submit(&self, submit_type: &str) -> &'static str {
        match submit_type {
            "book" => self.submits[1],
            "donate" => self.submits[2],
            "subscribe" => self.submits[3],
            _ => self.submits[0],
        }
    }

    pub(super) fn decline(&self, code: &str) -> &'static str {
        match code {
            "insufficient_funds" => self.declines[1],
            "authentication_failed" => self.declines[2],
            _ => self.declines[0],
        }
    }
}

static EN: Words = Words {
    banner_title: "Test page.",
    banner_text: "No money moves here. Pay with a test card only.",
    checkout_title: "Pay",
    to_pay: "To pay",
    total: "Total",
    quantity: "Quantity",
    back: "Back to the merchant",
    pay_by_card: "Pay by card",
    check_fields: "Please check the fields below.",
    test_cards: "Test cards",
    test_cards_note: "Any future expiry date and any security code will do.",
    cards: &[
        ("4242 4242 4242 4242", "Pays"),
        ("4000 0000 0000 0002", "Is declined"),
        ("4000 0000 0000 9995", "Has insufficient funds"),
        ("4000 0025 0000 3155", "Asks for authentication"),
        ("4000 0000 0000 0259", "Pays, and is disputed"),
        ("4000 0000 0000 5126", "Pays, and a refund fails"),
    ],
    countries: &[
        ("SE", "Sweden"),
        ("DK", "Denmark"),
        ("FI", "Finland"),
        ("NO", "Norway"),
        ("DE", "Germany"),
        ("FR", "France"),
        ("ES", "Spain"),
        ("IT", "Italy"),
        ("NL", "Netherlands"),
        ("PL", "Poland"),
        ("GB", "United Kingdom"),
        ("US", "United States"),
        ("CA", "Canada"),
        ("AU", "Australia"),
        ("JP", "Japan"),
    ],
    challenge_title: "Confirm the payment",
    challenge_text: "Here your bank would ask you to confirm the payment. This page plays the bank.",
    challenge_complete: "Confirm",
    challenge_fail: "Fail the authentication",
    paid_title: "Thank you",
    paid_text: "Your payment was received.",
    closed_title: "This page is closed",
    inactive_text: "This payment link is no longer active. Please ask the merchant for a new one.",
    expired_text: "This checkout has expired. Please go back to the merchant and start again.",
    not_found_title: "Nothing here",
    not_found_text: "There is no page to pay at this address.",
    index_text: "A stateful test double of a payment provider. Point an API client at this address with any key that begins with sk_test_.",
    labels: ["E-mail", "Card number", "Expires (MM / YY)", "Security code", "Name on card", "Country"],
    submits: ["Pay", "Book", "Donate", "Subscribe"],
    declines: [
        "The card was declined. Please try another card.",
        "The card has insufficient funds. Please try another card.",
        "The payment was not confirmed. Please try again or use another card.",
    ],
    missing: "Please fill in this field.",
    malformed: [
        "This is not an e-mail address.",
        "This is not a card number.",
        "Please write month and year as MM / YY.",
        "The security code has three or four digits.",
        "Please fill in this field.",
        "Please choose a country.",
    ],
    not_a_test_card: "Please use one of the test cards below, never a real card.",
    past: "The card has expired.",
};

static SV: Words = Words {
    banner_title: "Testsida.",
    banner_text: "Inga pengar flyttas här. Betala bara med ett testkort.",
    checkout_title: "Betala",
    to_pay: "Att betala",
    total: "Summa",
    quantity: "Antal",
    back: "Tillbaka till säljaren",
    pay_by_card: "Betala med kort",
    check_fields: "Kontrollera fälten nedan.",
    test_cards: "Testkort",
    test_cards_note: "Vilket framtida utgångsdatum och vilken säkerhetskod som helst går bra.",
    cards: &[
        ("4242 4242 4242 4242", "Betalar"),
        ("4000 0000 0000 0002", "Nekas"),
        ("4000 0000 0000 9995", "Saknar täckning"),
        ("4000 0025 0000 3155", "Kräver bekräftelse"),
        ("4000 0000 0000 0259", "Betalar, och bestrids"),
        ("4000 0000 0000 5126", "Betalar, och återbetalning misslyckas"),
    ],
    countries: &[
        ("SE", "Sverige"),
        ("DK", "Danmark"),
        ("FI", "Finland"),
        ("NO", "Norge"),
        ("DE", "Tyskland"),
        ("FR", "Frankrike"),
        ("ES", "Spanien"),
        ("IT", "Italien"),
        ("NL", "Nederländerna"),
        ("PL", "Polen"),
        ("GB", "Storbritannien"),
        ("US", "USA"),
        ("CA", "Kanada"),
        ("AU", "Australien"),
        ("JP", "Japan"),
    ],
    challenge_title: "Bekräfta betalningen",
    challenge_text: "Här skulle din bank be dig att bekräfta betalningen. Den här sidan spelar bank.",
    challenge_complete: "Bekräfta",
    challenge_fail: "Låt bekräftelsen misslyckas",
    paid_title: "Tack",
    paid_text: "Din betalning har tagits emot.",
    closed_title: "Sidan är stängd",
    inactive_text: "Betallänken är inte längre aktiv. Be säljaren om en ny.",
    expired_text: "Tiden för betalningen har gått ut. Gå tillbaka till säljaren och börja om.",
    not_found_title: "Här finns inget",
    not_found_text: "Det finns ingen betalsida på den här adressen.",
    index_text: "En testdubbel av en betaltjänst. Rikta en API-klient hit med en nyckel som börjar med sk_test_.",
    labels: ["E-post", "Kortnummer", "Giltigt till (MM / ÅÅ)", "Säkerhetskod", "Namn på kortet", "Land"],
    submits: ["Betala", "Boka", "Skänk", "Prenumerera"],
    declines: [
        "Kortet nekades. Försök med ett annat kort.",
        "Kortet saknar täckning. Försök med ett annat kort.",
        "Betalningen bekräftades inte. Försök igen eller använd ett annat kort.",
    ],
    missing: "Fyll i fältet.",
    malformed: [
        "Det är ingen e-postadress.",
        "Det är inget kortnummer.",
        "Skriv månad och år som MM / ÅÅ.",
        "Säkerhetskoden har tre eller fyra siffror.",
        "Fyll i fältet.",
        "Välj ett land.",
    ],
    not_a_test_card: "Använd ett av testkorten nedan, aldrig ett riktigt kort.",
    past: "Kortet har gått ut.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_comes_first_then_the_session_then_the_browser() {
        assert_eq!(Locale::negotiate(Some("sv"), Some("en"), None), Locale::Sv);
        assert_eq!(Locale::negotiate(Some("xx"), Some("sv-SE"), Some("en")), Locale::Sv);
        assert_eq!(Locale::negotiate(None, None, Some("de, sv;q=0.8, en;q=0.5")), Locale::Sv);
        assert_eq!(Locale::negotiate(None, Some("auto"), None), Locale::En);
    }
}
