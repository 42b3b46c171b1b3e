//! Registrations for tax that callers keep, and checks of tax ids with the evidence of a register.

use domain::event::{EventKind, EventSubject};
use domain::id::{TaxIdCheckId, TaxRegistrationId};
use domain::ports::tax_ids::TaxIdLookupError;
use domain::seller::Seller;
use domain::tax::{StoredTaxRegistration, TaxRegistration};
use domain::tax_id::TaxId;
use domain::tax_id_check::{RegistryAnswer, TaxIdCheck};
use serde::Serialize;
use telemetry::table::TAX_ID_LOOKUPS;
use time::Date;

use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::{ListQuery, Mutation, Step};

/// What ends a registration.
#[derive(Debug, Clone, Serialize)]
pub struct EndTaxRegistration {
    /// The registration.
    pub id: TaxRegistrationId,
    /// The last date on which tax is charged by it.
    pub until: Date,
}

/// What is checked of a tax id.
#[derive(Debug, Clone, Serialize)]
pub struct CheckTaxId {
    /// The id; its form and its check digits are right already.
    pub tax_id: TaxId,
    /// Whether its register is asked, where looking up is turned on.
    pub look_up: bool,
}

reads!("tax id check", TaxIdCheck, TaxIdCheckId, get_tax_id_check, list_tax_id_checks(Option<TaxId>));

impl App {
    /// The most registrations that a seller can keep: all of them are read for each calculation.
    pub const TAX_REGISTRATIONS_MAX: usize = 200;

    /// A registration of the caller's sellers.
    ///
    /// # Errors
    /// There is none among them, or the store fails.
    pub async fn get_tax_registration(
        &self,
        caller: &domain::access::Caller,
        id: TaxRegistrationId,
    ) -> Result<StoredTaxRegistration, Error> {
        let found = self.0.storage.get_tax_registration(&caller.sellers, id).await?;
        found.ok_or_else(|| Error::not_found("tax registration", id))
    }

    /// A page of a seller's stored registrations, newest first. Those of the configuration are the seller's own.
    ///
    /// # Errors
    /// The store fails.
    pub async fn list_tax_registrations(
        &self,
        query: ListQuery<(), TaxRegistrationId>,
    ) -> Result<domain::page::Page<StoredTaxRegistration>, Error> {
        Ok(self.0.storage.list_tax_registrations(&query.seller.id, query.page).await?)
    }

    /// Every registration of the seller: those of the configuration, and the stored ones.
    pub(crate) async fn tax_registrations(&self, seller: &Seller) -> Result<Vec<TaxRegistration>, Error> {
        let mut registrations = seller.tax_registrations.clone();
        registrations.extend(self.0.storage.load_tax_registrations(&seller.id).await?);
        Ok(registrations)
    }

    /// Registers a seller for tax: from then on it is charged there.
    ///
    /// # Errors
    /// Nobody can have registered the seller so, with everything that is wrong at once; it overlaps another; the request id
    /// was used otherwise.
    pub async fn create_tax_registration(
        &self,
        mutation: Mutation<TaxRegistration>,
    ) -> Result<StoredTaxRegistration, Error> {
        self.mutate("CreateTaxRegistration", mutation, |app, uow, m| {
            Box::pin(async move {
                let new = m.command;
                check_registration(app, &m.seller, &new)?;
                let mut others = m.seller.tax_registrations.clone();
                others.extend(uow.load_tax_registrations(&m.seller.id).await?);
                if others.len() >= Self::TAX_REGISTRATIONS_MAX {
                    return Err(Error::FailedPrecondition {
                        reason: Reason::TooManyTaxRegistrations,
                        message: format!("a seller has at most {} tax registrations", Self::TAX_REGISTRATIONS_MAX),
                        field: None,
                    });
                }
                if others.iter().any(|other| other.overlaps(&new)) {
                    return Err(overlaps());
                }
                let id = app.new_tax_registration_id();
                let mut stored = StoredTaxRegistration::new(id, m.seller.id.clone(), new, app.now())?;
                uow.insert_tax_registration(&mut stored).await?;
                let subject = EventSubject::TaxRegistration(Box::new(stored.clone()));
                app.record(uow, EventKind::TaxRegistrationCreated, subject).await?;
                Ok(Step::Done(stored))
            })
        })
        .await
    }

    /// Ends a registration, or says that it never was in force. Invoices whose tax point is later are not taxed by it.
    ///
    /// # Errors
    /// There is none; it would end earlier than the day before it begins, or overlap another.
    pub async fn end_tax_registration(
        &self,
        mutation: Mutation<EndTaxRegistration>,
    ) -> Result<StoredTaxRegistration, Error> {
        self.mutate("EndTaxRegistration", mutation, |app, uow, m| {
            Box::pin(async move {
                let EndTaxRegistration { id, until } = m.command;
                let found = uow.get_tax_registration(&m.caller.sellers, id).await?;
                let mut stored = found.ok_or_else(|| Error::not_found("tax registration", id))?;
                let before = stored.registration;
                stored
                    .end(until, app.now())
                    .map_err(|invalid| Error::field("until", invalid.rule, invalid.expected))?;
                // What ends earlier than before can only leave an overlap that is there.
                if before.until.is_some_and(|was| until > was) {
                    let mut others = m.seller.tax_registrations.clone();
                    others.extend(uow.load_tax_registrations(&stored.seller_id).await?);
                    if others.iter().any(|other| *other != before && other.overlaps(&stored.registration)) {
                        return Err(overlaps());
                    }
                }
                uow.update_tax_registration(&mut stored).await?;
                let subject = EventSubject::TaxRegistration(Box::new(stored.clone()));
                app.record(uow, EventKind::TaxRegistrationUpdated, subject).await?;
                Ok(Step::Done(stored))
            })
        })
        .await
    }

    /// Checks a tax id, and keeps what its register answered. A register that does not answer is no error: nobody's sale
    /// hangs on it.
    ///
    /// # Errors
    /// The request id was used otherwise, or the store fails.
    pub async fn check_tax_id(&self, mutation: Mutation<CheckTaxId>) -> Result<TaxIdCheck, Error> {
        self.once("CheckTaxId", mutation, |mutation| async move {
            let answer = match self.0.tax_id_registry.as_ref().filter(|_| mutation.command.look_up) {
                None => RegistryAnswer::NotAsked,
                Some(registry) => match registry.look_up(&mutation.command.tax_id).await {
                    Ok(lookup) => RegistryAnswer::Told(lookup),
                    Err(TaxIdLookupError::Unavailable) => RegistryAnswer::Unavailable,
                    Err(TaxIdLookupError::Unsupported) => RegistryAnswer::Unsupported,
                },
            };
            let outcome = match &answer {
                RegistryAnswer::NotAsked => None,
                RegistryAnswer::Told(_) => Some("answered"),
                RegistryAnswer::Unavailable => Some("unavailable"),
                RegistryAnswer::Unsupported => Some("unsupported"),
            };
            if let Some(outcome) = outcome {
                TAX_ID_LOOKUPS.increment([outcome.into()]);
            }
            self.mutate("CheckTaxId", mutation, move |app, uow, m| {
                let answer = answer.clone();
                Box::pin(async move {
                    let of = (m.command.tax_id.clone(), answer);
                    let mut check = TaxIdCheck::new(app.new_tax_id_check_id(), m.seller.id.clone(), of, app.now());
                    uow.insert_tax_id_check(&mut check).await?;
                    let subject = EventSubject::TaxIdCheck(Box::new(check.clone()));
                    app.record(uow, EventKind::TaxIdChecked, subject).await?;
                    Ok(Step::Done(check))
                })
            })
            .await
        })
        .await
    }
}

/// Refuses what nobody can have registered the seller for, by the fields of a request.
fn check_registration(app: &App, seller: &Seller, registration: &TaxRegistration) -> Result<(), Error> {
    app.0.tax_registration_rules.check(seller.address.jurisdiction(), registration).map_err(|violations| {
        let violations = violations.renamed("jurisdiction.country", "country_code");
        Error::Invalid(violations.renamed("jurisdiction.subdivision", "subdivision_code"))
    })
}

/// Two that are asked for at once may still overlap, which changes no tax: one in force is enough.
fn overlaps() -> Error {
    Error::AlreadyExists {
        reason: Reason::TaxRegistrationOverlaps,
        message: "the seller is registered there already on some of those days".to_owned(),
        existing: None,
    }
}
