//! What the pages say beside the words of documents, in the same five languages. It must not know where a word stands.

use domain::document::Language;

/// The words of one language. In a template, `{}` is filled.
pub(super) struct PageWords {
    /// Template: the button that leads to the payment page, with the amount.
    pub(super) pay: &'static str,
    /// What happens behind the button.
    pub(super) pay_hint: &'static str,
    /// An invoice that is paid.
    pub(super) paid: &'static str,
    /// An invoice that was to be paid before today.
    pub(super) overdue: &'static str,
    /// An invoice that is to be paid.
    pub(super) open: &'static str,
    /// Heading of what can be downloaded.
    pub(super) documents: &'static str,
    /// Label of the choice of languages.
    pub(super) language: &'static str,
    /// Its own name of the language.
    pub(super) name: &'static str,
    /// Title of the page that finds nothing.
    pub(super) not_found: &'static str,
    /// What its reader can do.
    pub(super) not_found_hint: &'static str,
    /// Title of the page that can't be shown now.
    pub(super) unavailable: &'static str,
    /// What its reader can do.
    pub(super) unavailable_hint: &'static str,
}

impl PageWords {
    /// The words of a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Swedish => &SWEDISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
        }
    }
}

const ENGLISH: PageWords = PageWords {
    pay: "Pay {}",
    pay_hint: "You pay on a secure page of our payment provider.",
    paid: "Paid",
    overdue: "Overdue",
    open: "To be paid",
    documents: "Documents",
    language: "Language",
    name: "English",
    not_found: "This page is not available",
    not_found_hint: "The link may be incomplete, or its time has passed. Ask whoever sent it to you for a new one.",
    unavailable: "This page can’t be shown right now",
    unavailable_hint: "Try again in a moment. Nothing is wrong with your invoice.",
};

const SWEDISH: PageWords = PageWords {
    pay: "Betala {}",
    pay_hint: "Du betalar på en säker sida hos vår betaltjänst.",
    paid: "Betald",
    overdue: "Förfallen",
    open: "Obetald",
    documents: "Dokument",
    language: "Språk",
    name: "Svenska",
    not_found: "Sidan är inte tillgänglig",
    not_found_hint: "Länken kan vara ofullständig, eller så har den slutat gälla. Be avsändaren om en ny.",
    unavailable: "Sidan kan inte visas just nu",
    unavailable_hint: "Försök igen om en stund. Det är inget fel på din faktura.",
};

const GERMAN: PageWords = PageWords {
    pay: "{} bezahlen",
    pay_hint: "Sie bezahlen auf einer sicheren Seite unseres Zahlungsdienstes.",
    paid: "Bezahlt",
    overdue: "Überfällig",
    open: "Offen",
    documents: "Dokumente",
    language: "Sprache",
    name: "Deutsch",
    not_found: "Diese Seite ist nicht verfügbar",
    not_found_hint: "Der Link ist unvollständig oder abgelaufen. Bitten Sie den Absender um einen neuen.",
    unavailable: "Die Seite kann gerade nicht angezeigt werden",
    unavailable_hint: "Versuchen Sie es gleich noch einmal. Mit Ihrer Rechnung ist alles in Ordnung.",
};

const FRENCH: PageWords = PageWords {
    pay: "Payer {}",
    pay_hint: "Vous payez sur une page sécurisée de notre prestataire de paiement.",
    paid: "Payée",
    overdue: "En retard",
    open: "À payer",
    documents: "Documents",
    language: "Langue",
    name: "Français",
    not_found: "Cette page n’est pas disponible",
    not_found_hint: "Le lien est incomplet ou a expiré. Demandez-en un nouveau à l’expéditeur.",
    unavailable: "La page ne peut pas être affichée pour le moment",
    unavailable_hint: "Réessayez dans un instant. Votre facture n’est pas en cause.",
};

const SPANISH: PageWords = PageWords {
    pay: "Pagar {}",
    pay_hint: "El pago se realiza en una página segura de nuestro proveedor de pagos.",
    paid: "Pagada",
    overdue: "Vencida",
    open: "Pendiente",
    documents: "Documentos",
    language: "Idioma",
    name: "Español",
    not_found: "Esta página no está disponible",
    not_found_hint: "El enlace está incompleto o ha caducado. Pida uno nuevo a quien se lo envió.",
    unavailable: "La página no se puede mostrar en este momento",
    unavailable_hint: "Inténtelo de nuevo en un momento. Su factura no tiene ningún problema.",
};
