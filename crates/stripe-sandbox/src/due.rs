//! What time brings, by the sandbox's clock: sessions expire, banks answer, periods end.

use crate::api::{delayed, refunds, sessions, subscriptions};
use crate::state::{Ctx, Due};

/// The most that is done at once, so that a clock moved by centuries does not stop the sandbox.
const STEPS_MAX: usize = 20_000;

/// Does all that is due, in the order of its time, each at its own time.
pub(crate) fn run(ctx: &mut Ctx<'_>) {
    sessions::expire_due(ctx);
    let now = ctx.now;
    for _ in 0..STEPS_MAX {
        let agenda = &mut ctx.account().agenda;
        let next = agenda.iter().enumerate().filter(|(_, (at, _))| *at <= now).min_by_key(|(_, (at, _))| *at);
        let Some((index, _)) = next else { break };
        let (at, due) = agenda.remove(index);
        ctx.now = at;
        match due {
            Due::Debit(intent) => delayed::settle_debit(ctx, &intent),
            Due::Refund(refund) => refunds::settle(ctx, &refund),
            Due::Period(subscription) => subscriptions::end_period(ctx, &subscription),
            Due::TrialNotice(subscription) => subscriptions::tell_trial_end(ctx, &subscription),
        }
    }
    ctx.now = now;
}
