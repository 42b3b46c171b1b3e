//! Databases for the runs, each new.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database};

/// Makes a database on the server, and answers its URL. It goes with the server, which is private.
pub(crate) async fn create(server: &str, name: &str) -> Result<String> {
    let name = format!("{name}_{:08x}", fastrand::u32(..));
    let connection = Database::connect(server).await?;
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    connection.close().await?;
    let (base, _) = server.rsplit_once('/').context("the URL of a database")?;
    Ok(format!("{base}/{name}"))
}

/// Runs statements on a database.
pub(crate) async fn execute(url: &str, statements: &str) -> Result<()> {
    let connection = Database::connect(url).await?;
    connection.execute_unprepared(statements).await?;
    Ok(connection.close().await?)
}
