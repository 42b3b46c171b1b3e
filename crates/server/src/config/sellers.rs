//! Who invoices: the parts `[[sellers]]` of the file. Without any, a seller for trying things out.

use domain::bank_account::{Bankgiro, Bic, Iban};
use domain::letterhead::{Letterhead, ReferenceFormat, TransferInstructions, Website};
use domain::money::{Currency, Rounding};
use domain::party::{Address, Email};
use domain::ports::mail::SenderAddress;
use domain::provider::ProviderName;
use domain::redirect::RedirectPolicy;
use domain::seller::{NumberFormat, Seller, SellerId, TaxEngine};
use domain::tax::{RoundingScope, TaxCode, TaxRounding};
use domain::tax_id::TaxId;
use domain::text::{DocumentFooter, LetterheadText, PartyName, PaymentInstructions};
use domain::validation::{Invalid, Validator};
use serde::Deserialize;
use tax_tables::TableTaxCalculator;

use super::registrations::{FileRegistration, tax_registrations};

/// A seller in the file.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileSeller {
    id: String,
    name: String,
    country: String,
    line1: String,
    line2: String,
    postal_code: String,
    city: String,
    state: String,
    /// Where its customers write to it.
    email: Option<String>,
    registration_number: Option<String>,
    registered_office: Option<String>,
    phone: Option<String>,
    website: Option<String>,
    /// How money is transferred to it.
    transfer: Option<FileTransfer>,
    /// What stands below everything else on its documents.
    footer: Option<String>,
    mail_from: Option<String>,
    mail_reply_to: Option<String>,
    tax_ids: Vec<String>,
    tax_registrations: Vec<FileRegistration>,
    default_tax_code: String,
    tax_engine: TaxEngine,
    currency: String,
    /// Who charges for it; the one provider where there is one alone.
    provider: Option<String>,
    invoice_numbers: String,
    credit_note_numbers: String,
    tax_rounding_per_line: bool,
    tax_rounding_half_even: bool,
    payment_terms_days: u16,
    /// Hosts to which hosted pages may send a browser: exact, or `*.example.com`. `["*"]` for every host.
    redirect_hosts: Option<Vec<String>>,
}

/// How money is transferred to a seller.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileTransfer {
    iban: Option<String>,
    bic: Option<String>,
    bankgiro: Option<String>,
    reference: Option<String>,
    text: Option<String>,
}

impl Default for FileSeller {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            country: String::new(),
            line1: String::new(),
            line2: String::new(),
            postal_code: String::new(),
            city: String::new(),
            state: String::new(),
            email: None,
            registration_number: None,
            registered_office: None,
            phone: None,
            website: None,
            transfer: None,
            footer: None,
            mail_from: None,
            mail_reply_to: None,
            tax_ids: Vec::new(),
            tax_registrations: Vec::new(),
            default_tax_code: "electronic_service".to_owned(),
            tax_engine: TaxEngine::Tables,
            currency: String::new(),
            provider: None,
            invoice_numbers: "INV-{year}-{number:5}".to_owned(),
            credit_note_numbers: "CN-{year}-{number:5}".to_owned(),
            tax_rounding_per_line: false,
            tax_rounding_half_even: false,
            payment_terms_days: 30,
            redirect_hosts: None,
        }
    }
}

impl FileSeller {
    /// Who invoices where nobody is configured. It charges tax, so it has a VAT id to be named on its invoices: one that is
    /// right by its digits.
    fn demo() -> Self {
        Self {
            id: "default".to_owned(),
            name: "Demo Seller AB".to_owned(),
            country: "SE".to_owned(),
            line1: "Storgatan 1".to_owned(),
            postal_code: "111 22".to_owned(),
            city: "Stockholm".to_owned(),
            tax_ids: vec!["SE556000000101".to_owned()],
            tax_registrations: vec![FileRegistration::of("SE")],
            currency: "SEK".to_owned(),
            ..Self::default()
        }
    }
}

/// Who can charge.
pub(super) struct Charger {
    pub(super) name: ProviderName,
    /// Whether it can compute tax.
    pub(super) has_tax_engine: bool,
}

/// Who invoices. `providers` are those that can charge; absent where that is not known for faults of theirs.
pub(super) fn sellers(
    validator: &mut Validator,
    tables: &TableTaxCalculator,
    mut file: Vec<FileSeller>,
    (is_live, providers): (bool, Option<&[Charger]>),
) -> Option<Vec<Seller>> {
    if file.is_empty() {
        if providers.is_some_and(|providers| providers.len() > 1) {
            let expected = "must say by which provider each of them charges, since there are several";
            validator.refuse("sellers", Invalid::new("REQUIRED", expected));
            return None;
        }
        if is_live {
            validator.refuse("sellers", Invalid::new("REQUIRED", "must name who invoices, before real money moves"));
            return None;
        }
        file.push(FileSeller::demo());
    }
    let ids: Vec<_> = file.iter().map(|row| row.id.clone()).collect();
    let parsed: Vec<_> = file
        .into_iter()
        .enumerate()
        .map(|(index, row)| {
            validator.within(&format!("sellers[{index}]"), |v| seller(v, tables, row, (is_live, providers)))
        })
        .collect();
    for (index, id) in ids.iter().enumerate() {
        if !id.is_empty() && ids[..index].contains(id) {
            let expected = "must be another's than an earlier seller's";
            validator.refuse(&format!("sellers[{index}].id"), Invalid::new("TWICE", expected));
        }
    }
    parsed.into_iter().collect()
}

fn seller(
    v: &mut Validator,
    tables: &TableTaxCalculator,
    row: FileSeller,
    (is_live, providers): (bool, Option<&[Charger]>),
) -> Option<Seller> {
    let id = v.check("id", SellerId::parse(&row.id));
    let provider = providers.and_then(|known| v.check("provider", provider_of(row.provider.as_deref(), known)));
    if row.tax_engine == TaxEngine::Provider && provider.is_some_and(|provider| !provider.has_tax_engine) {
        let expected = "must be tables: its provider computes no tax";
        v.refuse("tax_engine", Invalid::new("NO_TAX_ENGINE", expected));
    }
    let name = v.check("name", PartyName::parse(&row.name));
    let parts = [row.line1.as_str(), &row.line2, &row.postal_code, &row.city, &row.state];
    let address = match Address::parse(parts, &row.country) {
        Ok(address) => Some(address),
        Err(violations) => {
            // The file has a name of its own for it.
            v.absorb(violations.renamed("country_code", "country"));
            None
        }
    };
    let email = v.check_optional("email", row.email.as_deref(), Email::parse);
    let mail_from = v.check_optional("mail_from", row.mail_from.as_deref(), SenderAddress::parse);
    let mail_reply_to = v.check_optional("mail_reply_to", row.mail_reply_to.as_deref(), reply_address);
    let letterhead = letterhead(v, &row);
    let tax_ids = row.tax_ids.iter().enumerate().map(|(i, text)| v.check(&format!("tax_ids[{i}]"), TaxId::parse(text)));
    let tax_ids: Option<Vec<_>> = tax_ids.collect::<Vec<_>>().into_iter().collect();
    let tax_registrations = tax_registrations(v, tables, &row.country, &row.tax_registrations);
    let default_tax_code = TaxCode::parse(&row.default_tax_code).and_then(|code| {
        let unknown = || Invalid::new("UNKNOWN_TAX_CODE", "must be the code of a kind of product");
        // A provider's engine knows more of them.
        let is_known = row.tax_engine == TaxEngine::Provider || tables.knows_tax_code(&code);
        is_known.then_some(code).ok_or_else(unknown)
    });
    let default_tax_code = v.check("default_tax_code", default_tax_code);
    let currency = v.check("currency", Currency::parse(&row.currency));
    let invoice_numbers = v.check("invoice_numbers", NumberFormat::parse(&row.invoice_numbers));
    let credit_note_numbers = v.check("credit_note_numbers", NumberFormat::parse(&row.credit_note_numbers));
    if let (Some(invoices), Some(credit_notes)) = (&invoice_numbers, &credit_note_numbers)
        && credit_notes.can_collide_with(invoices)
    {
        let expected = "must be the format of invoice_numbers, or one whose numbers no invoice can have";
        v.refuse("credit_note_numbers", Invalid::new("AMBIGUOUS_NUMBERS", expected));
    }
    let redirects = match row.redirect_hosts.as_deref().map(RedirectPolicy::parse) {
        None => Some(RedirectPolicy::AnyHost),
        Some(Ok(policy)) => Some(policy),
        Some(Err((index, invalid))) => {
            v.refuse(&format!("redirect_hosts[{index}]"), invalid);
            None
        }
    };
    if is_live && redirects == Some(RedirectPolicy::AnyHost) {
        let expected = "must name the hosts to which hosted pages may send a browser, before real money moves";
        v.refuse("redirect_hosts", Invalid::new("REQUIRED", expected));
    }
    let scope = if row.tax_rounding_per_line { RoundingScope::PerLine } else { RoundingScope::PerInvoice };
    let mode = if row.tax_rounding_half_even { Rounding::HalfEven } else { Rounding::HalfUp };
    Some(Seller {
        id: id?,
        name: name?,
        address: address?,
        email: email?,
        letterhead: letterhead?,
        mail_from: mail_from?,
        mail_reply_to: mail_reply_to?,
        tax_ids: tax_ids?,
        tax_registrations: tax_registrations?,
        default_tax_code: default_tax_code?,
        tax_engine: row.tax_engine,
        tax_rounding: TaxRounding { scope, mode },
        invoice_numbers: invoice_numbers?,
        credit_note_numbers: credit_note_numbers?,
        currency: currency?,
        provider: provider?.name.clone(),
        redirects: redirects?,
        payment_terms_days: row.payment_terms_days,
    })
}

/// Who charges for a seller.
fn provider_of<'a>(named: Option<&str>, known: &'a [Charger]) -> Result<&'a Charger, Invalid> {
    let names = known.iter().map(|charger| charger.name.as_str()).collect::<Vec<_>>().join(", ");
    match (named, known) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Invalid::new("REQUIRED", format!("is required, one of {names}"))),
        (Some(named), _) => {
            let unknown = || Invalid::new("UNKNOWN_PROVIDER", format!("must be one of {names}"));
            known.iter().find(|charger| charger.name.as_str() == named).ok_or_else(unknown)
        }
    }
}

/// An address that answers can go to. It stands in a header beside others, so it is held to what a sender is.
fn reply_address(text: &str) -> Result<Email, Invalid> {
    SenderAddress::parse(text).map(|address| address.email().clone())
}

fn letterhead(v: &mut Validator, row: &FileSeller) -> Option<Letterhead> {
    let registration_number =
        v.check_optional("registration_number", row.registration_number.as_deref(), letterhead_line);
    let registered_office = v.check_optional("registered_office", row.registered_office.as_deref(), letterhead_line);
    let phone = v.check_optional("phone", row.phone.as_deref(), letterhead_line);
    let website = v.check_optional("website", row.website.as_deref(), Website::parse);
    let footer = v.check_optional("footer", row.footer.as_deref(), DocumentFooter::parse);
    let transfer = match &row.transfer {
        None => Some(None),
        Some(transfer) => v.within("transfer", |v| transfer_instructions(v, transfer)).map(Some),
    };
    Some(Letterhead {
        registration_number: registration_number?,
        registered_office: registered_office?,
        phone: phone?,
        website: website?,
        transfer: transfer?,
        footer: footer?,
    })
}

fn letterhead_line(text: &str) -> Result<LetterheadText, Invalid> {
    let parsed = LetterheadText::parse(text)?;
    if parsed.as_str().contains('\n') { Err(Invalid::new("LINE_BREAK", "must be one line")) } else { Ok(parsed) }
}

fn transfer_instructions(v: &mut Validator, row: &FileTransfer) -> Option<TransferInstructions> {
    let iban = v.check_optional("iban", row.iban.as_deref(), Iban::parse);
    let bic = v.check_optional("bic", row.bic.as_deref(), Bic::parse);
    let bankgiro = v.check_optional("bankgiro", row.bankgiro.as_deref(), Bankgiro::parse);
    let reference = v.check_optional("reference", row.reference.as_deref(), ReferenceFormat::parse);
    let text = v.check_optional("text", row.text.as_deref(), PaymentInstructions::parse);
    let transfer = TransferInstructions {
        iban: iban?,
        bic: bic?,
        bankgiro: bankgiro?,
        reference: reference?.unwrap_or_default(),
        text: text?,
    };
    v.check("bic", transfer.check_bic())?;
    if !transfer.has_account() && transfer.text.is_none() {
        v.refuse("", Invalid::new("REQUIRED", "must have an iban, a bankgiro or a text"));
        return None;
    }
    Some(transfer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The providers of most installations: one.
    fn only() -> [Charger; 1] {
        [Charger { name: "acquirer".parse().unwrap(), has_tax_engine: false }]
    }

    fn parse(validator: &mut Validator, file: &[&str]) -> Option<Vec<Seller>> {
        let file = file.iter().map(|seller| toml::from_str(seller).unwrap()).collect();
        sellers(validator, &TableTaxCalculator::embedded().unwrap(), file, (false, Some(&only())))
    }

    fn check(more: &str) -> Result<Seller, Vec<String>> {
        let file = format!("id = \"acme\"\nname = \"Acme AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n{more}");
        let mut validator = Validator::new();
        let parsed = parse(&mut validator, &[&file]);
        let told = validator.finish(parsed).map(|mut sellers| sellers.remove(0));
        told.map_err(|violations| violations.iter().map(|v| format!("{} {}", v.field, v.rule)).collect())
    }

    #[test]
    fn a_letterhead_has_what_is_given_and_a_reference_of_its_own() {
        let seller = check(
            "registration_number = \"556000-0001\"\nregistered_office = \"Stockholm\"\nphone = \"+46 8 123 45 67\"\n\
             website = \"https://acme.example\"\nemail = \"billing@acme.example\"\nfooter = \"Approved for F-tax\"\n\
             mail_from = \"invoices@acme.example\"\nmail_reply_to = \"help@acme.example\"\n\
             transfer = { iban = \"SE45 5000 0000 0583 9825 7466\", bic = \"ESSESESS\", bankgiro = \"160-9908\" }\n",
        )
        .unwrap();
        let transfer = seller.letterhead.transfer.unwrap();
        assert_eq!(transfer.iban.unwrap().to_string(), "SE45 5000 0000 0583 9825 7466");
        assert_eq!(transfer.reference.of("INV-7"), "INV-7");
        assert_eq!(seller.mail_from.unwrap().domain(), "acme.example");
        assert_eq!(check("").unwrap().letterhead, Letterhead::default());
    }

    #[test]
    fn every_fault_of_a_letterhead_is_told_at_once() {
        let told = check(
            "registration_number = \"a\\nb\"\nphone = \"\"\nwebsite = \"acme.example\"\nemail = \"acme\"\n\
             mail_from = \"å@acme.example\"\nmail_reply_to = \"help\"\n\
             transfer = { iban = \"SE45\", bic = \"x\", bankgiro = \"160-9909\", reference = \"x\" }\n",
        );
        let wanted = [
            "email MALFORMED_EMAIL",
            "mail_from MALFORMED_SENDER",
            "mail_reply_to MALFORMED_EMAIL",
            "registration_number LINE_BREAK",
            "phone REQUIRED",
            "website MALFORMED_URL",
            "transfer.iban MALFORMED_IBAN",
            "transfer.bic MALFORMED_BIC",
            "transfer.bankgiro CHECK_DIGIT",
            "transfer.reference MALFORMED_REFERENCE",
        ];
        assert_eq!(told.err().unwrap(), wanted.map(|told| format!("sellers[0].{told}")));
    }

    #[test]
    fn a_bank_without_an_account_and_a_way_to_nowhere_are_refused() {
        let told = |transfer: &str| check(&format!("transfer = {{ {transfer} }}")).err().unwrap();
        assert_eq!(told("bic = \"ESSESESS\""), ["sellers[0].transfer.bic BIC_WITHOUT_IBAN"]);
        assert_eq!(told("reference = \"{number}\""), ["sellers[0].transfer REQUIRED"]);
    }

    #[test]
    fn who_is_taxed_by_its_provider_has_one_that_computes_tax() {
        assert_eq!(check("tax_engine = \"provider\"").err().unwrap(), ["sellers[0].tax_engine NO_TAX_ENGINE"]);
    }

    #[test]
    fn what_it_sells_is_a_kind_of_product() {
        assert_eq!(
            check("default_tax_code = \"shirts\"").err().unwrap(),
            ["sellers[0].default_tax_code UNKNOWN_TAX_CODE"]
        );
        assert_eq!(check("default_tax_code = \"txcd_10302000\"").err(), None);
    }

    #[test]
    fn numbers_of_invoices_and_of_credit_notes_are_never_alike() {
        let told = |credit_notes: &str| {
            check(&format!("invoice_numbers = \"X{{number}}\"\ncredit_note_numbers = \"{credit_notes}\"\n")).err()
        };
        assert_eq!(told("X1{number}").unwrap(), ["sellers[0].credit_note_numbers AMBIGUOUS_NUMBERS"]);
        assert_eq!((told("X{number}"), told("XC{number}")), (None, None));
    }

    #[test]
    fn what_a_seller_lacks_is_told_by_the_names_of_the_file() {
        let mut validator = Validator::new();
        let parsed = parse(&mut validator, &["country = \"Sweden\""]);
        let told: Vec<_> = validator.finish(parsed).unwrap_err().iter().map(|v| v.field.clone()).collect();
        assert_eq!(told, ["sellers[0].id", "sellers[0].name", "sellers[0].country", "sellers[0].currency"]);
    }

    #[test]
    fn the_seller_of_the_demo_has_a_vat_id_for_the_vat_that_it_charges() {
        let demo = parse(&mut Validator::new(), &[]).unwrap().remove(0);
        assert_eq!((demo.tax_ids.len(), demo.tax_registrations.len()), (1, 1));
    }
}
