//! The audit: what the database says, held against itself and against what the provider has.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::world::World;

/// Fails with the first thing that is not as it must be.
macro_rules! must {
    ($holds:expr, $($message:tt)+) => {
        if !$holds {
            return Err(format!($($message)+));
        }
    };
}

/// Checks all of it, once nothing is left to do.
///
/// # Errors
/// What is not in order, or not yet.
pub(super) async fn audit(world: &World) -> Result<(), String> {
    check_nothing_is_unfinished(world).await?;
    let ledger = world.provider_says("ledger").await;
    check_payments(world, &list(&ledger["charges"])).await?;
    check_refunds(world, &list(&ledger["refunds"])).await?;
    check_invoices(world).await?;
    check_pages(world).await?;
    check_numbers(world).await?;
    check_events(world).await
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

fn number(object: &Value, name: &str) -> i64 {
    object[name].as_i64().unwrap_or_default()
}

/// By the text under a name; each must be there once.
fn by<'a>(name: &str, rows: &'a [Value]) -> Result<BTreeMap<&'a str, &'a Value>, String> {
    let mut found = BTreeMap::new();
    for row in rows.iter().filter(|row| !row[name].is_null()) {
        must!(found.insert(text(row, name), row).is_none(), "{} is there twice", row[name]);
    }
    Ok(found)
}

async fn check_nothing_is_unfinished(world: &World) -> Result<(), String> {
    for query in [
        "SELECT document FROM intents WHERE unfinished",
        "SELECT id, state, attempts, reason FROM notifications WHERE state <> 'done'",
        "SELECT request_id, operation FROM requests WHERE progress ->> 'progress' = 'running'",
        "SELECT id, state FROM payment_links WHERE state IN ('creating', 'closing')",
        "SELECT id, state FROM checkout_sessions WHERE state IN ('creating', 'closing')",
        "SELECT id, state FROM refunds WHERE state IN ('creating', 'pending')",
        "SELECT id FROM events WHERE position IS NULL",
    ] {
        let left = world.rows(query).await;
        must!(left.is_empty(), "{} are unfinished, such as {}", left.len(), left[0]);
    }
    let pending = world.provider_says("webhooks/pending").await;
    must!(pending["pending"] == 0, "webhooks are {pending}");
    Ok(())
}

/// Every charge is one payment of the same amount, and all money has come in by a charge.
async fn check_payments(world: &World, charges: &[Value]) -> Result<(), String> {
    let rows = "SELECT id, state, provider_ref, received, received_currency AS currency, refunded FROM payments";
    let payments = world.rows(rows).await;
    let by_ref = by("provider_ref", &payments)?;
    let charged = by("payment_intent", charges)?;
    for (payment_intent, charge) in &charged {
        let Some(payment) = by_ref.get(payment_intent) else {
            return Err(format!("{charge} is not in the books"));
        };
        let is_as_charged = text(payment, "state") == "succeeded"
            && payment["received"] == charge["amount"]
            && text(payment, "currency").eq_ignore_ascii_case(text(charge, "currency"));
        must!(is_as_charged, "{payment} is of {charge}");
    }
    for payment in payments.iter().filter(|payment| !payment["received"].is_null()) {
        must!(charged.contains_key(text(payment, "provider_ref")), "{payment} came in from nowhere");
    }
    Ok(())
}

/// Every refund of the provider is one refund, and what goes back is counted at its payment.
async fn check_refunds(world: &World, made: &[Value]) -> Result<(), String> {
    let refunds = world.rows("SELECT id, state, payment_id, provider_ref, amount, credit_note_id FROM refunds").await;
    let by_ref = by("provider_ref", &refunds)?;
    let mut made_for = BTreeSet::new();
    for refund in made {
        let ours = text(&refund["metadata"], "paylinks_refund");
        must!(made_for.insert(ours), "{ours} was made twice");
        let known = by_ref.get(text(refund, "id"));
        let is_as_made = known.is_some_and(|known| {
            text(known, "id") == ours && known["amount"] == refund["amount"] && known["state"] == refund["status"]
        });
        must!(is_as_made, "{refund} is in the books as {known:?}");
    }
    for refund in refunds.iter().filter(|refund| text(refund, "state") == "succeeded") {
        must!(made_for.contains(text(refund, "id")), "{refund} is not at the provider");
    }
    let off = "SELECT id, received, refunded, back FROM (\
               SELECT p.id, p.received, p.refunded, COALESCE(SUM(r.amount), 0) AS back FROM payments AS p \
               LEFT JOIN refunds AS r ON r.payment_id = p.id AND r.state NOT IN ('failed', 'canceled') \
               GROUP BY p.id) AS sums WHERE COALESCE(refunded, 0) <> back OR back > COALESCE(received, 0)";
    let off = world.rows(off).await;
    must!(off.is_empty(), "payments count other refunds than they have: {off:?}");
    let off = "SELECT id, post_payment, back FROM (\
               SELECT n.id, n.post_payment, COALESCE(SUM(r.amount), 0) AS back FROM credit_notes AS n \
               LEFT JOIN refunds AS r ON r.credit_note_id = n.id AND r.state NOT IN ('failed', 'canceled') \
               GROUP BY n.id) AS sums WHERE back > post_payment";
    let off = world.rows(off).await;
    must!(off.is_empty(), "more went back by credit notes than they credit: {off:?}");
    Ok(())
}

/// Each invoice has the money of its payments and the credits of its notes, and is in the state that follows.
async fn check_invoices(world: &World) -> Result<(), String> {
    let sums = "SELECT id, state, gross, amount_paid + amount_overpaid AS counted, received, \
                credited_before_payment + credited_after_payment AS counted_credits, credited, \
                gross - amount_paid - credited_before_payment AS due FROM (\
                SELECT i.*, COALESCE((SELECT SUM(p.received) FROM payments AS p WHERE p.invoice_id = i.id \
                AND NOT p.document -> 'flags' ?| ARRAY['invoice_not_open', 'wrong_currency']), 0) AS received, \
                COALESCE((SELECT SUM(n.gross) FROM credit_notes AS n WHERE n.invoice_id = i.id), 0) AS credited \
                FROM invoices AS i) AS sums";
    let off = format!(
        "SELECT * FROM ({sums}) AS invoice WHERE counted <> received OR counted_credits <> credited \
         OR credited > gross OR (state = 'paid' AND due <> 0) OR (state = 'open' AND due <= 0) \
         OR (state = 'void' AND counted <> 0)"
    );
    let off = world.rows(&off).await;
    must!(off.is_empty(), "invoices do not add up: {off:?}");
    Ok(())
}

/// Each page that can be paid at the provider is one that is open here, and an invoice has one at most.
async fn check_pages(world: &World) -> Result<(), String> {
    let links = world.rows("SELECT id, state, provider_ref, invoice_id FROM payment_links").await;
    let sessions =
        world.rows("SELECT id, state, provider_ref, invoice_id, payment_link_id FROM checkout_sessions").await;
    let mut open_by_invoice = BTreeMap::<String, Vec<String>>::new();
    let known = by("id", &links)?;
    let mut made_for = BTreeSet::new();
    let links_there = world.provider_lists("payment_links").await;
    for there in &links_there {
        let ours = text(&there["metadata"], "paylinks_link");
        must!(made_for.insert(ours.to_owned()), "{ours} was made twice");
        let Some(link) = known.get(ours) else { return Err(format!("{ours} is nobody's")) };
        let is_same = link["provider_ref"] == there["id"] && (there["active"] == true) == (link["state"] == "active");
        must!(is_same, "{link} is {} there, active: {}", there["id"], there["active"]);
        if there["active"] == true && !link["invoice_id"].is_null() {
            open_by_invoice.entry(text(link, "invoice_id").to_owned()).or_default().push(ours.to_owned());
        }
    }
    let known_sessions = by("id", &sessions)?;
    for there in world.provider_lists("checkout/sessions").await {
        let is_open = there["status"] == "open";
        let ours = text(&there["metadata"], "paylinks_checkout");
        if there["payment_link"].is_null() {
            must!(made_for.insert(ours.to_owned()), "{ours} was made twice");
            let Some(session) = known_sessions.get(ours) else { return Err(format!("{ours} is nobody's")) };
            must!(is_open == (session["state"] == "open"), "{session} is {} there", there["status"]);
            if is_open {
                open_by_invoice.entry(text(session, "invoice_id").to_owned()).or_default().push(ours.to_owned());
            }
        } else if is_open {
            // A visit: it can be paid as long as its link is open.
            let link = links_there.iter().find(|link| link["id"] == there["payment_link"]);
            must!(link.is_some_and(|link| link["active"] == true), "{} is open, and its link closed", there["id"]);
        }
    }
    for row in links.iter().filter(|link| link["state"] == "active") {
        must!(made_for.contains(text(row, "id")), "{row} is not at the provider");
    }
    for row in sessions.iter().filter(|session| session["state"] == "open" && session["payment_link_id"].is_null()) {
        must!(made_for.contains(text(row, "id")), "{row} is not at the provider");
    }
    for (invoice, pages) in &open_by_invoice {
        must!(pages.len() == 1, "{invoice} can be paid by {pages:?}");
    }
    let held = world.rows("SELECT invoice_id, id FROM collectables WHERE closed_at_us IS NULL").await;
    let holders: BTreeMap<_, _> = held.iter().map(|row| (text(row, "invoice_id"), text(row, "id"))).collect();
    must!(holders.len() == held.len(), "an invoice has two open collectables: {held:?}");
    let open: BTreeMap<_, _> =
        open_by_invoice.iter().map(|(invoice, pages)| (invoice.as_str(), pages[0].as_str())).collect();
    must!(holders == open, "invoices are held by {holders:?}, and can be paid by {open:?}");
    let payable = world.rows("SELECT id FROM invoices WHERE state IN ('open', 'uncollectible')").await;
    let payable: BTreeSet<_> = payable.iter().map(|row| text(row, "id")).collect();
    let wrongly = open.keys().find(|invoice| !payable.contains(*invoice));
    must!(wrongly.is_none(), "{wrongly:?} is closed, and can be paid");
    Ok(())
}

/// Numbers have neither a gap nor a twin.
async fn check_numbers(world: &World) -> Result<(), String> {
    let numbers = world
        .rows(
            "SELECT seller_id, series, sequence FROM invoices WHERE number IS NOT NULL \
             UNION ALL SELECT seller_id, series, sequence FROM credit_notes",
        )
        .await;
    let mut series = BTreeMap::<(&str, &str), Vec<i64>>::new();
    for row in &numbers {
        series.entry((text(row, "seller_id"), text(row, "series"))).or_default().push(number(row, "sequence"));
    }
    for (name, sequences) in &mut series {
        sequences.sort_unstable();
        let gapless = sequences.iter().copied().eq(1..=i64::try_from(sequences.len()).unwrap());
        must!(gapless, "{name:?} has {sequences:?}");
    }
    for row in world.rows("SELECT seller_id, series, last_number FROM number_series").await {
        let last = series.get(&(text(&row, "seller_id"), text(&row, "series"))).and_then(|it| it.last().copied());
        must!(last.unwrap_or(0) == number(&row, "last_number"), "{row} follows {last:?}");
    }
    Ok(())
}

/// What happens once in the life of a thing: the table, the event, and the condition on the row under which it has happened.
const ONCE: &[(&str, &str, &str)] = &[
    ("invoices", "invoice.created", "TRUE"),
    ("invoices", "invoice.finalized", "number IS NOT NULL"),
    ("invoices", "invoice.paid", "state = 'paid'"),
    ("invoices", "invoice.voided", "state = 'void'"),
    ("credit_notes", "credit_note.created", "TRUE"),
    ("payment_links", "payment_link.created", "state <> 'failed'"),
    ("payment_links", "payment_link.failed", "state = 'failed'"),
    ("payment_links", "payment_link.deactivated", "state = 'inactive'"),
    ("checkout_sessions", "checkout_session.completed", "state = 'completed'"),
    ("checkout_sessions", "checkout_session.expired", "state = 'expired'"),
    ("checkout_sessions", "checkout_session.failed", "state = 'failed'"),
    ("payments", "payment.succeeded", "state = 'succeeded'"),
    ("payments", "payment.canceled", "state = 'canceled'"),
    ("payments", "payment.failed", "state = 'failed'"),
    ("refunds", "refund.created", "provider_ref IS NOT NULL"),
    ("refunds", "refund.succeeded", "state = 'succeeded'"),
    ("refunds", "refund.failed", "state = 'failed'"),
];

/// Each transition is told once, in one order without gaps, and the last word about a thing is how it stands.
async fn check_events(world: &World) -> Result<(), String> {
    for (table, kind, condition) in ONCE {
        let off = format!(
            "SELECT thing.id, thing.state_now, COUNT(events.id) AS told FROM (\
             SELECT id, ({condition}) AS has_happened, document -> 'state' AS state_now FROM {table}) AS thing \
             LEFT JOIN events ON events.subject_id = thing.id AND events.kind = '{kind}' \
             GROUP BY thing.id, thing.state_now, thing.has_happened \
             HAVING COUNT(events.id) <> thing.has_happened::INTEGER"
        );
        let off = world.rows(&off).await;
        must!(off.is_empty(), "{kind} was not told as often as it has happened: {off:?}");
    }
    let order = "SELECT COUNT(*) AS count, MIN(position) AS first, MAX(position) AS last, \
                 (SELECT last_position FROM event_sequencer) AS given FROM events";
    let order = world.rows(order).await.remove(0);
    let is_gapless = order["first"] == 1 && order["last"] == order["count"] && order["given"] == order["count"];
    must!(is_gapless, "the positions of events are {order}");
    let backward = "SELECT * FROM (SELECT subject_id, position, (document #>> '{subject,snapshot,version}')::BIGINT AS version, \
                    LAG((document #>> '{subject,snapshot,version}')::BIGINT) OVER (PARTITION BY subject_id ORDER BY position) AS before \
                    FROM events) AS told WHERE version < before";
    let backward = world.rows(backward).await;
    must!(backward.is_empty(), "things went back to an earlier version: {backward:?}");
    Ok(())
}
