//! What keeps the books as they were written: money that came in and went back, events, and the last number of a series.
//!
//! Like the triggers of `m0005`, these refuse what the code never asks: of an invoice that is final, sums of what was paid and
//! credited only grow, and paid and void are the end; of a payment, what it is for and what came in; of a refund, how much of
//! which payment goes back, and that it failed; of an event, all but the position that it is given once. A series goes on by
//! one, so that nobody makes a gap in it; a new one may begin behind the numbers of another system. Columns say what their
//! document says, for reports read the one and the code the other. Nothing of it is removed.

/// The triggers of PostgreSQL.
pub(crate) const POSTGRES: &str = r#"
CREATE TRIGGER invoices_go_forward BEFORE UPDATE ON invoices FOR EACH ROW
WHEN (OLD.number IS NOT NULL AND (
    NEW.amount_paid < OLD.amount_paid OR NEW.amount_overpaid < OLD.amount_overpaid
    OR NEW.credited_before_payment < OLD.credited_before_payment
    OR NEW.credited_after_payment < OLD.credited_after_payment
    OR (OLD.state IN ('paid', 'void') AND (
        NEW.state <> OLD.state
        OR (NEW.document #> '{state,paid_at}') IS DISTINCT FROM (OLD.document #> '{state,paid_at}')
        OR (NEW.document #> '{state,voided_at}') IS DISTINCT FROM (OLD.document #> '{state,voided_at}')
    ))
    OR NEW.state IS DISTINCT FROM (NEW.document #>> '{state,state}')
    OR NEW.amount_paid IS DISTINCT FROM (NEW.document #>> '{amount_paid,minor}')::BIGINT
    OR NEW.amount_overpaid IS DISTINCT FROM (NEW.document #>> '{amount_overpaid,minor}')::BIGINT
)) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER payments_are_fixed BEFORE UPDATE ON payments FOR EACH ROW
WHEN (
    (OLD.id, OLD.seller_id, OLD.invoice_id, OLD.provider, OLD.currency, OLD.total, OLD.created_at_us)
    IS DISTINCT FROM
    (NEW.id, NEW.seller_id, NEW.invoice_id, NEW.provider, NEW.currency, NEW.total, NEW.created_at_us)
    OR (OLD.document #>> '{out_of_band,method}', OLD.document #>> '{out_of_band,reference}', OLD.document #>> '{out_of_band,received_on}')
       IS DISTINCT FROM
       (NEW.document #>> '{out_of_band,method}', NEW.document #>> '{out_of_band,reference}', NEW.document #>> '{out_of_band,received_on}')
    OR (OLD.received IS NOT NULL AND (OLD.received, OLD.received_currency, OLD.state)
        IS DISTINCT FROM (NEW.received, NEW.received_currency, NEW.state))
    OR NEW.state IS DISTINCT FROM (NEW.document #>> '{state,state}')
    OR NEW.total IS DISTINCT FROM (NEW.document #>> '{total,minor}')::BIGINT
    OR NEW.received IS DISTINCT FROM (NEW.document #>> '{received,minor}')::BIGINT
    OR NEW.refunded IS DISTINCT FROM (NEW.document #>> '{refunded,minor}')::BIGINT
) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER refunds_are_fixed BEFORE UPDATE ON refunds FOR EACH ROW
WHEN (
    (OLD.id, OLD.seller_id, OLD.payment_id, OLD.credit_note_id, OLD.provider, OLD.currency, OLD.amount, OLD.created_at_us)
    IS DISTINCT FROM
    (NEW.id, NEW.seller_id, NEW.payment_id, NEW.credit_note_id, NEW.provider, NEW.currency, NEW.amount, NEW.created_at_us)
    OR (OLD.document #>> '{out_of_band,method}', OLD.document #>> '{out_of_band,reference}', OLD.document #>> '{out_of_band,refunded_on}')
       IS DISTINCT FROM
       (NEW.document #>> '{out_of_band,method}', NEW.document #>> '{out_of_band,reference}', NEW.document #>> '{out_of_band,refunded_on}')
    OR (OLD.state IN ('failed', 'canceled') AND NEW.state <> OLD.state)
    OR NEW.state IS DISTINCT FROM (NEW.document #>> '{state,state}')
    OR NEW.amount IS DISTINCT FROM (NEW.document #>> '{amount,minor}')::BIGINT
) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER events_are_fixed BEFORE UPDATE ON events FOR EACH ROW
WHEN (
    (OLD.seq, OLD.id, OLD.seller_id, OLD.kind, OLD.subject_id, OLD.occurred_at_us, OLD.document)
    IS DISTINCT FROM
    (NEW.seq, NEW.id, NEW.seller_id, NEW.kind, NEW.subject_id, NEW.occurred_at_us, NEW.document)
    OR (OLD.position IS NOT NULL AND OLD.position IS DISTINCT FROM NEW.position)
) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER number_series_go_on_by_one BEFORE UPDATE ON number_series FOR EACH ROW
WHEN (
    (OLD.seller_id, OLD.series, OLD.last_number + 1) IS DISTINCT FROM (NEW.seller_id, NEW.series, NEW.last_number)
) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER payments_stay BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refunds_stay BEFORE DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disputes_stay BEFORE DELETE ON disputes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_stay BEFORE DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER number_series_stay BEFORE DELETE ON number_series FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TRIGGER payments_are_not_emptied BEFORE TRUNCATE ON payments FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refunds_are_not_emptied BEFORE TRUNCATE ON refunds FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disputes_are_not_emptied BEFORE TRUNCATE ON disputes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_are_not_emptied BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER number_series_are_not_emptied BEFORE TRUNCATE ON number_series FOR EACH STATEMENT
EXECUTE FUNCTION refuse_change();
"#;

/// The triggers of SQLite.
pub(crate) const SQLITE: &str = r#"
CREATE TRIGGER invoices_go_forward BEFORE UPDATE ON invoices FOR EACH ROW
WHEN OLD.number IS NOT NULL AND (
    NEW.amount_paid < OLD.amount_paid OR NEW.amount_overpaid < OLD.amount_overpaid
    OR NEW.credited_before_payment < OLD.credited_before_payment
    OR NEW.credited_after_payment < OLD.credited_after_payment
    OR (OLD.state IN ('paid', 'void') AND (
        NEW.state IS NOT OLD.state
        OR json_extract(NEW.document, '$.state.paid_at') IS NOT json_extract(OLD.document, '$.state.paid_at')
        OR json_extract(NEW.document, '$.state.voided_at') IS NOT json_extract(OLD.document, '$.state.voided_at')
    ))
    OR NEW.state IS NOT json_extract(NEW.document, '$.state.state')
    OR NEW.amount_paid IS NOT json_extract(NEW.document, '$.amount_paid.minor')
    OR NEW.amount_overpaid IS NOT json_extract(NEW.document, '$.amount_overpaid.minor')
) BEGIN
    SELECT RAISE(ABORT, 'invoices_go_forward');
END;

CREATE TRIGGER payments_are_fixed BEFORE UPDATE ON payments FOR EACH ROW
WHEN OLD.id IS NOT NEW.id OR OLD.seller_id IS NOT NEW.seller_id OR OLD.invoice_id IS NOT NEW.invoice_id
    OR OLD.provider IS NOT NEW.provider OR OLD.currency IS NOT NEW.currency OR OLD.total IS NOT NEW.total
    OR OLD.created_at_us IS NOT NEW.created_at_us
    OR json_extract(OLD.document, '$.out_of_band.method') IS NOT json_extract(NEW.document, '$.out_of_band.method')
    OR json_extract(OLD.document, '$.out_of_band.reference') IS NOT json_extract(NEW.document, '$.out_of_band.reference')
    OR json_extract(OLD.document, '$.out_of_band.received_on') IS NOT json_extract(NEW.document, '$.out_of_band.received_on')
    OR (OLD.received IS NOT NULL AND (OLD.received IS NOT NEW.received
        OR OLD.received_currency IS NOT NEW.received_currency OR OLD.state IS NOT NEW.state))
    OR NEW.state IS NOT json_extract(NEW.document, '$.state.state')
    OR NEW.total IS NOT json_extract(NEW.document, '$.total.minor')
    OR NEW.received IS NOT json_extract(NEW.document, '$.received.minor')
    OR NEW.refunded IS NOT json_extract(NEW.document, '$.refunded.minor')
BEGIN
    SELECT RAISE(ABORT, 'payments_are_fixed');
END;

CREATE TRIGGER refunds_are_fixed BEFORE UPDATE ON refunds FOR EACH ROW
WHEN OLD.id IS NOT NEW.id OR OLD.seller_id IS NOT NEW.seller_id OR OLD.payment_id IS NOT NEW.payment_id
    OR OLD.credit_note_id IS NOT NEW.credit_note_id OR OLD.provider IS NOT NEW.provider
    OR OLD.currency IS NOT NEW.currency OR OLD.amount IS NOT NEW.amount OR OLD.created_at_us IS NOT NEW.created_at_us
    OR json_extract(OLD.document, '$.out_of_band.method') IS NOT json_extract(NEW.document, '$.out_of_band.method')
    OR json_extract(OLD.document, '$.out_of_band.reference') IS NOT json_extract(NEW.document, '$.out_of_band.reference')
    OR json_extract(OLD.document, '$.out_of_band.refunded_on') IS NOT json_extract(NEW.document, '$.out_of_band.refunded_on')
    OR (OLD.state IN ('failed', 'canceled') AND NEW.state IS NOT OLD.state)
    OR NEW.state IS NOT json_extract(NEW.document, '$.state.state')
    OR NEW.amount IS NOT json_extract(NEW.document, '$.amount.minor')
BEGIN
    SELECT RAISE(ABORT, 'refunds_are_fixed');
END;

CREATE TRIGGER events_are_fixed BEFORE UPDATE ON events FOR EACH ROW
WHEN OLD.seq IS NOT NEW.seq OR OLD.id IS NOT NEW.id OR OLD.seller_id IS NOT NEW.seller_id OR OLD.kind IS NOT NEW.kind
    OR OLD.subject_id IS NOT NEW.subject_id OR OLD.occurred_at_us IS NOT NEW.occurred_at_us
    OR OLD.document IS NOT NEW.document OR (OLD.position IS NOT NULL AND OLD.position IS NOT NEW.position)
BEGIN
    SELECT RAISE(ABORT, 'events_are_fixed');
END;

CREATE TRIGGER number_series_go_on_by_one BEFORE UPDATE ON number_series FOR EACH ROW
WHEN OLD.seller_id IS NOT NEW.seller_id OR OLD.series IS NOT NEW.series OR OLD.last_number + 1 IS NOT NEW.last_number
BEGIN
    SELECT RAISE(ABORT, 'number_series_go_on_by_one');
END;

CREATE TRIGGER payments_stay BEFORE DELETE ON payments FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'payments_stay'); END;
CREATE TRIGGER refunds_stay BEFORE DELETE ON refunds FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'refunds_stay'); END;
CREATE TRIGGER disputes_stay BEFORE DELETE ON disputes FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'disputes_stay'); END;
CREATE TRIGGER events_stay BEFORE DELETE ON events FOR EACH ROW BEGIN SELECT RAISE(ABORT, 'events_stay'); END;
CREATE TRIGGER number_series_stay BEFORE DELETE ON number_series FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'number_series_stay');
END;
"#;
