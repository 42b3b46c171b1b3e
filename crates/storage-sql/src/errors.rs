//! What an error of the database means to the caller of a port.

use domain::ports::storage::StorageError;
use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};
use telemetry::table::DATABASE_ERRORS;

/// Classifies an error of a statement.
pub(crate) fn storage_error(error: DbErr) -> StorageError {
    match &error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => StorageError::Unavailable(Box::new(error)),
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            match cause.as_ref() {
                sqlx::Error::Database(database) => by_code(database.code().as_deref(), database.as_ref(), &error),
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => StorageError::Unavailable(Box::new(error)),
                _ => StorageError::Defect(Box::new(error)),
            }
        }
        _ => StorageError::Defect(Box::new(error)),
    }
}

/// Classifies an error of a statement that was asked without the ORM.
pub(crate) fn sql_error(error: sqlx::Error) -> StorageError {
    storage_error(DbErr::Query(RuntimeErr::SqlxError(error.into())))
}

/// Classifies an error of a commit: a broken connection leaves it open whether it was kept.
pub(crate) fn commit_error(error: DbErr) -> StorageError {
    match storage_error(error) {
        StorageError::Unavailable(source) => StorageError::CommitUnknown(source),
        other => other,
    }
}

/// Counts an error of a statement or a commit, by its kind.
pub(crate) fn count_error(error: &StorageError) {
    let kind = match error {
        StorageError::Unavailable(_) => "unavailable",
        StorageError::Contended(_) => "contended",
        StorageError::Stale | StorageError::Conflict { .. } | StorageError::ProviderRefTaken => "conflict",
        StorageError::CommitUnknown(_) => "commit_unknown",
        StorageError::Defect(_) => "defect",
    };
    DATABASE_ERRORS.increment([kind.into()]);
}

pub(crate) fn defect(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::Defect(source.into())
}

/// Whether SQLite's file could not be opened since another has it for itself (SQLITE_BUSY).
pub(crate) fn is_locked(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(cause)) = error else { return false };
    let code = cause.as_database_error().and_then(|database| database.code());
    code.is_some_and(|code| sqlite_primary(&code) == Some(5))
}

/// SQLite's primary result code, the low byte of the extended one; nothing of a SQLSTATE, which has five signs.
fn sqlite_primary(code: &str) -> Option<u32> {
    if code.len() == 5 { None } else { code.parse::<u32>().ok().map(|code| code & 0xff) }
}

/// By SQLSTATE (PostgreSQL, appendix A) or by SQLite's primary result code, the low byte of the extended one.
fn by_code(code: Option<&str>, database: &dyn sqlx::error::DatabaseError, error: &DbErr) -> StorageError {
    let source = Box::new(error.clone());
    let code = code.unwrap_or_default();
    match (code, sqlite_primary(code)) {
        // Serialization failure, deadlock; SQLITE_LOCKED.
        ("40001" | "40P01", _) | (_, Some(6)) => StorageError::Contended(source),
        // Lock not available, SQLITE_BUSY: it was waited for as long as any caller would, and more may not help.
        ("55P03", _) | (_, Some(5)) => StorageError::Unavailable(source),
        // Unique, foreign-key and check violations; SQLITE_CONSTRAINT.
        ("23505" | "23503" | "23514", _) | (_, Some(19)) => {
            let constraint = database.constraint().unwrap_or_else(|| database.message());
            match is_of_provider_refs(constraint) {
                true => StorageError::ProviderRefTaken,
                false => StorageError::Conflict { constraint: constraint.to_owned() },
            }
        }
        // Statement timeout, disk full, out of resources, shutting down, not yet up; SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN.
        (state, _)
            if state == "57014" || state.starts_with("53") || state.starts_with("57P") || state.starts_with("08") =>
        {
            StorageError::Unavailable(source)
        }
        (_, Some(10 | 13 | 14)) => StorageError::Unavailable(source),
        // The session was ended while idle in a transaction.
        ("25P03", _) => StorageError::Unavailable(source),
        _ => StorageError::Defect(source),
    }
}

/// Whether a constraint is one of those by which a provider's id names one thing: PostgreSQL tells its name, SQLite its columns.
fn is_of_provider_refs(constraint: &str) -> bool {
    constraint.ends_with("_once_per_provider") || constraint.ends_with(".provider_ref")
}
