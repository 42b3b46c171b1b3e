//! `paylinks notifications`: what providers told and what could not be processed, straight in the database.

use anyhow::{Result, bail, ensure};
use application::{App, Error};
use clap::Subcommand;
use domain::id::NotificationId;
use domain::ports::storage::{UnprocessedNotification, UnprocessedState};
use domain::provider::NotificationTopic;
use domain::text::OperatorNote;
use domain::validation::Invalid;

use crate::at_rest::AtRest;
use crate::{Settings, say};

/// The most notifications that are listed.
const LISTED_MAX: usize = 1_000;

#[derive(Subcommand)]
pub(crate) enum NotificationsCommand {
    /// List notifications that are not processed, those that came in first before all others.
    List {
        /// Those alone that are set aside: they failed again and again, and wait for a person.
        #[arg(long)]
        aside: bool,
        /// Those instead that a person has closed, with the words of who did.
        #[arg(long, conflicts_with = "aside")]
        closed: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Close notifications that are set aside and that nothing here is to be made of, once a person has seen to what they tell
    /// at the provider. One that was closed in error can be tried again.
    Close {
        /// Their ids, each of which begins with ntf_
        #[arg(required = true)]
        ids: Vec<String>,
        /// What was done about it, for those who ask later. It is kept and listed: nothing of a customer's belongs in it.
        #[arg(long)]
        note: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Have notifications tried again that are set aside, once their cause is mended. A server does it within a second.
    Retry {
        /// Their ids, each of which begins with ntf_
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<String>,
        /// All that are set aside.
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

impl NotificationsCommand {
    const fn settings(&self) -> &Settings {
        match self {
            Self::List { settings, .. } | Self::Close { settings, .. } | Self::Retry { settings, .. } => settings,
        }
    }
}

/// Runs a command.
pub(crate) async fn run(command: NotificationsCommand) -> Result<()> {
    let at_rest = AtRest::open(command.settings()).await?;
    let done = match command {
        NotificationsCommand::List { aside, closed, .. } => {
            let (states, which): (&[_], _) = match (aside, closed) {
                (_, true) => (&[UnprocessedState::Closed], "is closed"),
                (true, false) => (&[UnprocessedState::SetAside], "is set aside"),
                (false, false) => (&[UnprocessedState::Waiting, UnprocessedState::SetAside], "waits"),
            };
            list(&at_rest.app, &at_rest.database, states, which).await
        }
        NotificationsCommand::Close { ids, note, .. } => close(&at_rest.app, &ids, &note).await,
        NotificationsCommand::Retry { all: true, .. } => retry_all(&at_rest.app, &at_rest.database).await,
        NotificationsCommand::Retry { ids, .. } => retry(&at_rest.app, &ids).await,
    };
    at_rest.close().await;
    done
}

/// Lists those in these states; `which` is said of them where there is none.
async fn list(app: &App, database: &str, states: &[UnprocessedState], which: &str) -> Result<()> {
    let limit = u32::try_from(LISTED_MAX + 1).unwrap_or(u32::MAX);
    let mut listed = app.list_unprocessed_notifications(states, limit).await?;
    if listed.is_empty() {
        return say(&format!("No notification {which} in {database}\n"));
    }
    let more = if listed.len() > LISTED_MAX { format!("The first {LISTED_MAX} of more. ") } else { String::new() };
    listed.truncate(LISTED_MAX);
    let heading = ["ID", "STATE", "TRIES", "CAME IN", "PROVIDER", "EVENT", "ABOUT", "REASON", "NOTE"];
    let mut rows = vec![heading.map(str::to_owned)];
    rows.extend(listed.iter().map(row));
    say(&format!("{}{more}In {database}\n", cli::aligned(&rows)))
}

/// A line of the list. Nothing of a customer's is in it: ids of things, reasons in words of ours, and the operator's note.
fn row(listed: &UnprocessedNotification) -> [String; 9] {
    [
        listed.id.to_string(),
        match listed.state {
            UnprocessedState::Waiting => "waits",
            UnprocessedState::SetAside => "aside",
            UnprocessedState::Closed => "closed",
        }
        .to_owned(),
        listed.attempts.to_string(),
        listed.received_at.to_string(),
        listed.provider.to_string(),
        listed.provider_event_id.clone(),
        listed.topic.as_ref().map_or_else(|| "what this version can't read".to_owned(), about),
        listed.reason.clone().unwrap_or_default(),
        listed.note.clone().unwrap_or_default(),
    ]
}

/// What a notification is about, with its id at the provider.
fn about(topic: &NotificationTopic) -> String {
    match topic {
        NotificationTopic::Checkout { provider_ref } => format!("checkout {provider_ref}"),
        NotificationTopic::PaymentLink { provider_ref } => format!("payment link {provider_ref}"),
        NotificationTopic::PaymentMethodDetached { provider_ref } => format!("payment method {provider_ref}"),
        NotificationTopic::HeldPayment { payment_ref } => format!("held payment {payment_ref}"),
        NotificationTopic::Refund { payment_ref } => format!("refunds of {payment_ref}"),
        NotificationTopic::Dispute { provider_ref, payment_ref } => format!("dispute {provider_ref} of {payment_ref}"),
        NotificationTopic::PromotionCode { provider_ref } => format!("promotion code {provider_ref}"),
        NotificationTopic::Subscription { provider_ref } => format!("subscription {provider_ref}"),
        NotificationTopic::Renewal { invoice_ref } => format!("renewal {invoice_ref}"),
        NotificationTopic::CheckoutTold { snapshot } => format!("checkout {}", snapshot.provider_ref),
        NotificationTopic::RefundTold { payment_ref, snapshot } => {
            format!("refund {} of {payment_ref}", snapshot.provider_ref)
        }
        NotificationTopic::CaptureTold { payment_ref, snapshot } => {
            format!("capture {} of {payment_ref}", snapshot.provider_ref)
        }
        NotificationTopic::DisputeTold { payment_ref, snapshot } => {
            format!("dispute {} of {payment_ref}", snapshot.provider_ref)
        }
        NotificationTopic::NeedsAttention { name, payment_ref } => match payment_ref {
            Some(payment_ref) => format!("{name} of {payment_ref}"),
            None => name.clone(),
        },
        NotificationTopic::Other { .. } => "nothing known here".to_owned(),
    }
}

/// Has each of these tried again that can be, and fails where there is one that can't.
async fn retry(app: &App, ids: &[String]) -> Result<()> {
    each(parsed(ids)?, "is tried again", async |id| app.retry_notification(id).await).await
}

/// Closes each of these that can be, and fails where there is one that can't.
async fn close(app: &App, ids: &[String], note: &str) -> Result<()> {
    // It is a cell of a table.
    let is_a_line = if note.trim().contains('\n') { Err(Invalid::new("LINES", "must be a line")) } else { Ok(()) };
    let note = is_a_line.and_then(|()| OperatorNote::parse(note)).map_err(|invalid| format!("--note {invalid}"));
    match (parsed(ids), note) {
        (Ok(ids), Ok(note)) => each(ids, "is closed", async |id| app.close_notification(id, note.clone()).await).await,
        (ids, note) => {
            let refused = [ids.err().map(|error| error.to_string()), note.err()];
            bail!(refused.into_iter().flatten().collect::<Vec<_>>().join("; "))
        }
    }
}

/// The ids, each once, if all of them are: what is misspelt is told before anything is done.
fn parsed(ids: &[String]) -> Result<Vec<NotificationId>> {
    let parse = |id: &String| NotificationId::parse(id).map_err(|invalid| format!("{id}: the id {invalid}"));
    let (ids, refused): (Vec<_>, Vec<_>) = ids.iter().map(parse).partition(Result::is_ok);
    let refused: Vec<String> = refused.into_iter().filter_map(Result::err).collect();
    ensure!(refused.is_empty(), refused.join("; "));
    let mut once = Vec::new();
    for id in ids.into_iter().flatten() {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    Ok(once)
}

/// Does it to each, and says so; fails at the end where there is one with which that can't be done.
async fn each(
    ids: Vec<NotificationId>,
    done: &str,
    act: impl AsyncFn(NotificationId) -> Result<(), Error>,
) -> Result<()> {
    let mut refused = Vec::new();
    for id in ids {
        match act(id).await {
            Ok(()) => say(&format!("{id} {done}\n"))?,
            Err(error @ Error::NotFound { .. }) => refused.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(refused.is_empty(), refused.join("; "));
    Ok(())
}

async fn retry_all(app: &App, database: &str) -> Result<()> {
    match app.retry_all_notifications().await? {
        0 => say(&format!("No notification is set aside in {database}\n")),
        1 => say(&format!("1 notification is tried again, in {database}\n")),
        count => say(&format!("{count} notifications are tried again, in {database}\n")),
    }
}
