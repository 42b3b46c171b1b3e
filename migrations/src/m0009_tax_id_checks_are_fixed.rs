//! What a register said of a tax id is evidence: triggers refuse whatever would change or remove it, as they do for final
//! invoices, also at a database console.

/// The triggers of PostgreSQL; `refuse_change` is that of the step of credit notes.
pub(crate) const POSTGRES: &str = r#"
CREATE TRIGGER tax_id_checks_are_fixed BEFORE UPDATE OR DELETE ON tax_id_checks FOR EACH ROW
EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tax_id_checks_are_not_emptied BEFORE TRUNCATE ON tax_id_checks FOR EACH STATEMENT
EXECUTE FUNCTION refuse_change();
"#;

/// The triggers of SQLite.
pub(crate) const SQLITE: &str = r#"
CREATE TRIGGER tax_id_checks_are_fixed BEFORE UPDATE ON tax_id_checks FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'tax_id_checks_are_fixed');
END;

CREATE TRIGGER tax_id_checks_stay BEFORE DELETE ON tax_id_checks FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'tax_id_checks_stay');
END;
"#;
