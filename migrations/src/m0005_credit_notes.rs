//! Credit notes, and what keeps final documents as they are.
//!
//! Triggers refuse whatever would change what a finalized invoice or a credit note says, however it is asked: the code
//! keeps that rule too, and people at a database console do not. Of a finalized invoice only the keys `version`,
//! `amount_paid`, `amount_overpaid`, `credits`, `updated_at` and `state` (without `finalization`) of the document may move,
//! with their columns; a later step that needs another key to move replaces the triggers. A refusal reads as a broken
//! constraint with the trigger's name.
//!
//! The subscriptions' `period_end_us` and `created_at_us` were never read; they stay until a step may drop something.

/// The statements, see [`Step`](crate::Step).
pub(crate) const STATEMENTS: &str = r#"
ALTER TABLE invoices ADD COLUMN credited_before_payment BIGINT NOT NULL DEFAULT 0
    CONSTRAINT invoices_settled_in_range CHECK (credited_before_payment >= 0 AND amount_paid + credited_before_payment <= gross);
ALTER TABLE invoices ADD COLUMN credited_after_payment BIGINT NOT NULL DEFAULT 0
    CONSTRAINT invoices_credited_in_range
    CHECK (credited_after_payment >= 0 AND credited_before_payment + credited_after_payment <= gross);

CREATE TABLE credit_notes (
    id TEXT PRIMARY KEY, seller_id TEXT NOT NULL, version BIGINT NOT NULL,
    invoice_id TEXT NOT NULL REFERENCES invoices (id), customer_id TEXT REFERENCES customers (id),
    number TEXT NOT NULL, series TEXT NOT NULL, sequence BIGINT NOT NULL, currency TEXT NOT NULL,
    net BIGINT NOT NULL, tax BIGINT NOT NULL, gross BIGINT NOT NULL, pre_payment BIGINT NOT NULL,
    post_payment BIGINT NOT NULL, out_of_band_refund BIGINT NOT NULL, issued_at_us BIGINT NOT NULL, document {json} NOT NULL,
    CONSTRAINT credit_notes_number_once UNIQUE (seller_id, number),
    CONSTRAINT credit_notes_sequence_once UNIQUE (seller_id, series, sequence),
    CONSTRAINT credit_notes_of_something CHECK (gross > 0),
    CONSTRAINT credit_notes_sum CHECK (net + tax = gross AND pre_payment + post_payment = gross),
    CONSTRAINT credit_notes_in_range
        CHECK (pre_payment >= 0 AND post_payment >= 0 AND out_of_band_refund >= 0 AND out_of_band_refund <= post_payment)
);
CREATE INDEX credit_notes_by_seller ON credit_notes (seller_id, id);
CREATE INDEX credit_notes_by_invoice ON credit_notes (invoice_id, id);
CREATE INDEX credit_notes_by_customer ON credit_notes (customer_id, id);

ALTER TABLE refunds ADD COLUMN credit_note_id TEXT REFERENCES credit_notes (id);
CREATE INDEX refunds_by_credit_note ON refunds (credit_note_id, id);

CREATE INDEX subscriptions_by_state ON subscriptions (seller_id, state, id);
"#;

/// The triggers of PostgreSQL.
pub(crate) const POSTGRES: &str = r#"
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME,
        MESSAGE = TG_NAME || ': what is final is never changed or removed';
END;
$$;

CREATE FUNCTION fixed_of_invoice(document JSONB) RETURNS JSONB LANGUAGE sql IMMUTABLE AS $$
    SELECT (document - ARRAY['version', 'amount_paid', 'amount_overpaid', 'credits', 'updated_at', 'state'])
        || jsonb_build_object('finalization', document -> 'state' -> 'finalization')
$$;

CREATE TRIGGER invoices_final_are_fixed BEFORE UPDATE ON invoices FOR EACH ROW
WHEN (OLD.number IS NOT NULL AND (
    (OLD.id, OLD.seller_id, OLD.customer_id, OLD.number, OLD.series, OLD.sequence, OLD.due_date, OLD.currency,
     OLD.net, OLD.tax, OLD.gross, OLD.created_at_us)
    IS DISTINCT FROM
    (NEW.id, NEW.seller_id, NEW.customer_id, NEW.number, NEW.series, NEW.sequence, NEW.due_date, NEW.currency,
     NEW.net, NEW.tax, NEW.gross, NEW.created_at_us)
    OR NEW.state = 'draft'
    OR fixed_of_invoice(OLD.document) IS DISTINCT FROM fixed_of_invoice(NEW.document)
)) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER invoices_final_stay BEFORE DELETE ON invoices FOR EACH ROW
WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION refuse_change();

CREATE TRIGGER credit_notes_are_fixed BEFORE UPDATE OR DELETE ON credit_notes FOR EACH ROW
EXECUTE FUNCTION refuse_change();

CREATE TRIGGER invoices_are_not_emptied BEFORE TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER credit_notes_are_not_emptied BEFORE TRUNCATE ON credit_notes FOR EACH STATEMENT
EXECUTE FUNCTION refuse_change();
"#;

/// The triggers of SQLite. JSON is compared as its text: what is fixed is never written again, so it stays to the letter.
pub(crate) const SQLITE: &str = r#"
CREATE TRIGGER invoices_final_are_fixed BEFORE UPDATE ON invoices FOR EACH ROW
WHEN OLD.number IS NOT NULL AND (
    OLD.id IS NOT NEW.id OR OLD.seller_id IS NOT NEW.seller_id OR OLD.customer_id IS NOT NEW.customer_id
    OR OLD.number IS NOT NEW.number OR OLD.series IS NOT NEW.series OR OLD.sequence IS NOT NEW.sequence
    OR OLD.due_date IS NOT NEW.due_date OR OLD.currency IS NOT NEW.currency OR OLD.net IS NOT NEW.net
    OR OLD.tax IS NOT NEW.tax OR OLD.gross IS NOT NEW.gross OR OLD.created_at_us IS NOT NEW.created_at_us
    OR NEW.state = 'draft'
    OR json_remove(OLD.document, '$.version', '$.amount_paid', '$.amount_overpaid', '$.credits', '$.updated_at', '$.state')
       IS NOT
       json_remove(NEW.document, '$.version', '$.amount_paid', '$.amount_overpaid', '$.credits', '$.updated_at', '$.state')
    OR json_extract(OLD.document, '$.state.finalization') IS NOT json_extract(NEW.document, '$.state.finalization')
) BEGIN
    SELECT RAISE(ABORT, 'invoices_final_are_fixed');
END;

CREATE TRIGGER invoices_final_stay BEFORE DELETE ON invoices FOR EACH ROW WHEN OLD.number IS NOT NULL BEGIN
    SELECT RAISE(ABORT, 'invoices_final_stay');
END;

CREATE TRIGGER credit_notes_are_fixed BEFORE UPDATE ON credit_notes FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'credit_notes_are_fixed');
END;

CREATE TRIGGER credit_notes_stay BEFORE DELETE ON credit_notes FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'credit_notes_stay');
END;
"#;
