//! What time brings, by the sandbox's clock: sessions expire, banks answer, periods end.

use crate::api::{delayed, payments, refunds, sessions, subscriptions};
use crate::state::{Ctx, ScheduledTask};

/// The most that is done at once, so that a clock moved by centuries does not stop the sandbox.
const STEPS_MAX: usize = 20_000;

/// Does all that is due, in the order of its time, each at its own time.
pub(crate) fn run(ctx: &mut Ctx<'_>) {
    let now = ctx.now;
    let mut expiring = sessions::overdue(ctx).into_iter().peekable();
    for _ in 0..STEPS_MAX {
        let scheduled = &mut ctx.account().scheduled;
        let next = scheduled.iter().enumerate().filter(|(_, (at, _))| *at <= now).min_by_key(|(_, (at, _))| *at);
        let next = next.map(|(index, (at, _))| (index, *at));
        if let Some((at, session)) = expiring.next_if(|(end, _)| next.is_none_or(|(_, at)| *end <= at)) {
            ctx.now = at;
            sessions::mark_expired(ctx, &session);
            ctx.keep();
            continue;
        }
        let Some((index, _)) = next else { break };
        let (at, task) = scheduled.remove(index);
        ctx.now = at;
        match task {
            ScheduledTask::Debit(intent) => delayed::settle_debit(ctx, &intent),
            ScheduledTask::Hold(intent) => payments::end_hold(ctx, &intent),
            ScheduledTask::Refund(refund) => refunds::settle(ctx, &refund),
            ScheduledTask::Period(subscription) => subscriptions::end_period(ctx, &subscription),
            ScheduledTask::TrialNotice(subscription) => subscriptions::tell_trial_end(ctx, &subscription),
        }
        // Nobody refuses what time brings.
        ctx.keep();
    }
    ctx.now = now;
}

#[cfg(test)]
mod tests {
    use crate::clock::DAY;
    use crate::testing::{Sandbox, purchase};

    #[test]
    fn what_time_brings_is_told_in_its_order() {
        let mut sandbox = Sandbox::new();
        let item = "&line_items[0][price_data][currency]=sek&line_items[0][price_data][unit_amount]=10000&line_items[0][price_data][product_data][name]=Book";
        let daily = format!("mode=subscription{item}&line_items[0][price_data][recurring][interval]=day");
        let session = sandbox.call("POST /v1/checkout/sessions", &daily);
        sandbox.within(|ctx| crate::purchase::complete(ctx, &session, &purchase("4242"))).unwrap();
        for hours in [3, 1] {
            let ends = sandbox.now() + DAY - hours * 60 * 60;
            sandbox.call("POST /v1/checkout/sessions", &format!("mode=payment{item}&expires_at={ends}"));
        }
        sandbox.advance(3 * DAY + 60);
        let summary = |event: &crate::event::Event| (event.created, event.kind.clone());
        let events: Vec<_> = sandbox.within(|ctx| ctx.account().events.all().map(summary).collect());
        assert!(events.is_sorted_by_key(|(created, _)| *created), "{events:?}");
        assert_eq!(events.iter().filter(|(_, kind)| kind == "checkout.session.expired").count(), 2);
        assert_eq!(events.iter().filter(|(_, kind)| kind == "invoice.paid").count(), 4);
    }
}
