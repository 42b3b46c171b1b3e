//! Secrets that all servers on the database share.

use domain::ports::storage::{SharedSecret, StorageError};
use sea_orm::{ConnectionTrait, Statement, Value};

use crate::connection::SqlStorage;
use crate::errors::defect;
use crate::sql::{column, execute, now_us, one};

impl SqlStorage {
    /// The secret that is kept; `fresh` is kept if there is none. The primary key decides between servers that ask at once:
    /// an insert waits for the one before it, and then finds its row.
    pub(crate) async fn keep_secret(&self, name: &str, fresh: SharedSecret) -> Result<SharedSecret, StorageError> {
        let open = self.open().await?;
        let c = open.get()?;
        let backend = c.get_database_backend();
        let sql = format!(
            "INSERT INTO shared_secrets (name, secret, created_at_us) VALUES ($1, $2, {}) ON CONFLICT (name) DO NOTHING",
            now_us(backend)
        );
        execute(c, &sql, [Value::from(name), to_hex(&fresh).into()]).await?;
        let select = "SELECT secret FROM shared_secrets WHERE name = $1";
        let row = one(c, Statement::from_sql_and_values(backend, select, [Value::from(name)])).await?;
        let kept: String = column(&row.ok_or_else(|| defect("the secret is not there"))?, "secret")?;
        open.commit().await?;
        from_hex(&kept).ok_or_else(|| defect("a secret is not 32 bytes in hexadecimal"))
    }
}

fn to_hex(secret: &SharedSecret) -> String {
    secret.expose().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<SharedSecret> {
    let digits: Vec<u8> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect();
    (digits.len() == 2 * SharedSecret::BYTES).then_some(())?;
    Some(SharedSecret::new(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_back_and_nothing_else_is_taken_for_one() {
        let mut bytes = [0; SharedSecret::BYTES];
        bytes.iter_mut().zip(0x70..).for_each(|(byte, value)| *byte = value);
        let text = to_hex(&SharedSecret::new(bytes));
        assert_eq!(from_hex(&text).map(|secret| *secret.expose()), Some(bytes));
        for bad in ["", &text[1..], &format!("{text}0"), &text.replace('7', "g")] {
            assert!(from_hex(bad).is_none(), "{bad}");
        }
    }
}
