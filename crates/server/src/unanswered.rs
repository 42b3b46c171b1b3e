//! `paylinks unanswered-refunds`: refunds of which no call finds out any more whether they were made, straight in the database.

use anyhow::Result;
use application::App;
use clap::Subcommand;
use domain::id::RefundId;

use crate::at_rest::AtRest;
use crate::{Settings, say};

#[derive(Subcommand)]
pub(crate) enum UnansweredCommand {
    /// List refunds whose provider can't be asked for them, and has not told of them: look for them there, by their ids.
    List {
        #[command(flatten)]
        settings: Settings,
    },
    /// Take a refund for one that was not made, as you saw at the provider: it fails, and its money can be refunded anew.
    NotMade {
        /// Its id, which begins with re_
        id: String,
        #[command(flatten)]
        settings: Settings,
    },
}

/// Runs a command.
pub(crate) async fn run(command: UnansweredCommand) -> Result<()> {
    let (UnansweredCommand::List { settings } | UnansweredCommand::NotMade { settings, .. }) = &command;
    let at_rest = AtRest::open(settings).await?;
    let done = match command {
        UnansweredCommand::List { .. } => list(&at_rest.app, &at_rest.database).await,
        UnansweredCommand::NotMade { id, .. } => give_up(&at_rest.app, &id).await,
    };
    at_rest.close().await;
    done
}

async fn list(app: &App, database: &str) -> Result<()> {
    let listed = app.list_unanswered_refunds().await?;
    if listed.is_empty() {
        return say(&format!("No refund is unanswered in {database}\n"));
    }
    let heading = ["ID", "PAYMENT", "AMOUNT", "PROVIDER", "ASKED FOR"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(listed.iter().map(|it| {
        let refund = &it.refund;
        let (id, payment) = (refund.id.to_string(), refund.payment_id.to_string());
        [id, payment, refund.amount.to_string(), it.provider.to_string(), it.intended_at.to_string()]
    }));
    say(&format!("{}In {database}\n", cli::aligned(&rows)))
}

async fn give_up(app: &App, id: &str) -> Result<()> {
    let parsed = RefundId::parse(id).map_err(|invalid| anyhow::anyhow!("{id}: the id {invalid}"))?;
    app.give_up_refund(parsed).await?;
    say(&format!("{id} has failed, and its money can be refunded anew\n"))
}
