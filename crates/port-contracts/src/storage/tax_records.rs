//! Registrations for tax and checks of tax ids: read back equal, listed by page, and of one seller alone.

use domain::id::{TaxIdCheckId, TaxRegistrationId};
use domain::page::{PageRequest, PageSize};
use domain::ports::storage::StorageError;
use domain::ports::tax_ids::TaxIdLookup;
use domain::seller::SellerId;
use domain::tax::{Jurisdiction, StoredTaxRegistration, TaxRegistration, TaxScheme};
use domain::tax_id::TaxId;
use domain::tax_id_check::{RegistryAnswer, TaxIdCheck};
use time::macros::date;

use super::Store;
use crate::fixtures::{AWKWARD_TEXT, later, moment, next_uuid, only, seller, tax_id};

fn registration(seller: &SellerId, code: &str) -> StoredTaxRegistration {
    let terms = TaxRegistration {
        jurisdiction: Jurisdiction::parse(code).unwrap(),
        scheme: if code == "SE" { TaxScheme::UnionOss } else { TaxScheme::Standard },
        since: Some(date!(2026 - 01 - 01)),
        until: None,
    };
    StoredTaxRegistration::new(TaxRegistrationId::from_uuid(next_uuid()), seller.clone(), terms, moment()).unwrap()
}

fn check(seller: &SellerId, tax_id: TaxId, answer: RegistryAnswer) -> TaxIdCheck {
    TaxIdCheck::new(TaxIdCheckId::from_uuid(next_uuid()), seller.clone(), (tax_id, answer), moment())
}

/// Registrations, before and after their end, and a stale change of one.
pub async fn tax_registrations_read_back_equal(storage: Store) {
    let north = seller("north");
    let mut quebec = registration(&north, "CA-QC");
    let mut work = storage.begin().await.unwrap();
    work.insert_tax_registration(&mut quebec).await.unwrap();
    assert_eq!(work.load_tax_registrations(&north).await.unwrap(), [quebec.registration]);
    work.commit().await.unwrap();
    let mut stale = storage.get_tax_registration(&only(&north), quebec.id).await.unwrap().unwrap();
    assert_eq!(stale, quebec);
    quebec.end(date!(2026 - 12 - 31), later()).unwrap();
    stale.end(date!(2027 - 12 - 31), later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_tax_registration(&mut quebec).await.unwrap();
    assert!(matches!(work.update_tax_registration(&mut stale).await, Err(StorageError::Stale)));
    work.commit().await.unwrap();
    assert_eq!(storage.get_tax_registration(&only(&north), quebec.id).await.unwrap(), Some(quebec.clone()));
    assert_eq!(storage.load_tax_registrations(&north).await.unwrap(), [quebec.registration]);
}

/// Checks with every answer, with what is personal in them.
pub async fn tax_id_checks_read_back_equal(storage: Store) {
    let north = seller("north");
    let told = TaxIdLookup {
        registry: "VIES".to_owned(),
        is_valid: true,
        name: Some(AWKWARD_TEXT.to_owned()),
        address: Some("STORGATAN 1\n111 22 STOCKHOLM".to_owned()),
        consultation_number: None,
    };
    let answers = [
        RegistryAnswer::NotAsked,
        RegistryAnswer::Told(told),
        RegistryAnswer::Unavailable,
        RegistryAnswer::Unsupported,
    ];
    for answer in answers {
        let mut check = check(&north, tax_id(), answer);
        let mut work = storage.begin().await.unwrap();
        work.insert_tax_id_check(&mut check).await.unwrap();
        work.commit().await.unwrap();
        assert_eq!(storage.get_tax_id_check(&only(&north), check.id).await.unwrap(), Some(check));
    }
}

/// Both are listed newest first, in pages, and of one seller alone.
pub async fn tax_records_are_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut registrations = [registration(&north, "SE"), registration(&north, "CA"), registration(&south, "SE")];
    let other = TaxId::parse("DE136695976").unwrap();
    let mut checks = [
        check(&north, tax_id(), RegistryAnswer::NotAsked),
        check(&north, other.clone(), RegistryAnswer::NotAsked),
        check(&south, tax_id(), RegistryAnswer::NotAsked),
    ];
    let mut work = storage.begin().await.unwrap();
    for registration in &mut registrations {
        work.insert_tax_registration(registration).await.unwrap();
    }
    for check in &mut checks {
        work.insert_tax_id_check(check).await.unwrap();
    }
    work.commit().await.unwrap();
    let page = storage.list_tax_registrations(&north, PageRequest::NEWEST).await.unwrap();
    assert_eq!((page.items.as_slice(), page.has_more), (&registrations[1..2], true));
    let next = PageRequest { size: PageSize::DEFAULT, before: Some(page.items[0].id) };
    assert_eq!(storage.list_tax_registrations(&north, next).await.unwrap().items, registrations[..1]);
    assert_eq!(storage.load_tax_registrations(&south).await.unwrap(), [registrations[2].registration]);
    assert_eq!(storage.get_tax_registration(&only(&south), registrations[0].id).await.unwrap(), None);
    let page = storage.list_tax_id_checks(&north, None, PageRequest::NEWEST).await.unwrap();
    assert_eq!((page.items.as_slice(), page.has_more), (&checks[1..2], true));
    let all = || PageRequest { size: PageSize::DEFAULT, before: None };
    assert_eq!(storage.list_tax_id_checks(&north, Some(tax_id()), all()).await.unwrap().items, checks[..1]);
    assert_eq!(storage.list_tax_id_checks(&south, Some(other), all()).await.unwrap().items, []);
    assert_eq!(storage.get_tax_id_check(&only(&south), checks[0].id).await.unwrap(), None);
}
