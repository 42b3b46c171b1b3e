//! Every setting there is, for people: `paylinks config reference` writes it, and the repository keeps what it writes. The
//! tests hold it to what is really read, so that nothing is forgotten and nothing is told that is not so.

use domain::ports::adapter::{Setting, SettingKind};

use super::providers::ADAPTER;
use crate::registry::ADAPTERS;

/// A part of the file.
pub(crate) struct Part {
    /// As it stands in the file; empty for what stands before all parts.
    pub(crate) heading: &'static str,
    pub(crate) about: &'static str,
    pub(crate) settings: &'static [Setting],
}

const fn text(name: &'static str, meaning: &'static str) -> Setting {
    Setting::new(name, SettingKind::Text, meaning)
}

const fn flag(name: &'static str, meaning: &'static str) -> Setting {
    Setting::new(name, SettingKind::Flag, meaning)
}

const fn number(name: &'static str, meaning: &'static str) -> Setting {
    Setting::new(name, SettingKind::Number, meaning)
}

const fn texts(name: &'static str, meaning: &'static str) -> Setting {
    Setting::new(name, SettingKind::Texts, meaning)
}

const fn parts(name: &'static str, meaning: &'static str) -> Setting {
    Setting::new(name, SettingKind::Parts, meaning)
}

/// What stands before all parts, and the parts as such.
pub(crate) const TOP: Part = Part {
    heading: "",
    about: "Before all parts.",
    settings: &[
        text("grpc_listen", "Where gRPC listens, `IP:PORT`").or("127.0.0.1:50051").variable("PAYLINKS_GRPC_LISTEN"),
        text("http_listen", "Where HTTP listens, for webhooks, the JSON endpoints, hosted invoices, health and metrics")
            .or("127.0.0.1:8080")
            .variable("PAYLINKS_HTTP_LISTEN"),
        text(
            "public_url",
            "Where the world reaches HTTP, for URLs of hosted invoices and for webhooks; with a live key it must be given, with \
             https",
        )
        .or("http:// and http_listen")
        .variable("PAYLINKS_PUBLIC_URL"),
        text("data_dir", "The directory of SQLite and of the sandbox; a relative path begins where the program is started")
            .or("data")
            .variable("PAYLINKS_DATA_DIR"),
        text("database_url", "The database: `postgres://user:password@host:5432/name` (15 or later), or `sqlite://path`")
            .or("SQLite in data_dir")
            .variable("DATABASE_URL")
            .secret(),
        text(
            "access",
            "Who may call: `open` is everyone, on loopback without a live key alone; `api_keys` is whoever shows a key",
        )
        .or("api_keys; open with the sandbox on loopback"),
        number("reconcile_every_seconds", "How often what providers have told is read back: 1 to 86400").or("300"),
        parts("grpc_tls", "TLS of gRPC"),
        parts("telemetry", "Traces").or("off"),
        parts("sandbox", "The sandbox inside"),
        parts("providers", "Who charges: one part `[providers.NAME]` for each").or("the sandbox inside"),
        parts("vies", "Looking VAT ids up"),
        parts("mail", "Sending mail").or("off"),
        parts("sellers", "Who invoices: one part `[[sellers]]` for each").or("a seller for trying things out"),
    ],
};

pub(crate) const GRPC_TLS: Part = Part {
    heading: "[grpc_tls]",
    about: "TLS of gRPC; without this part it is in the clear. The files are in PEM and are read at start.",
    settings: &[
        text("cert_file", "The certificate, then those that vouch for it. Needed"),
        text("key_file", "Its private key, without a passphrase. Needed"),
        text("client_ca_file", "The authorities of callers' certificates: with it, callers must show one (mutual TLS)"),
    ],
};

pub(crate) const TELEMETRY: Part = Part {
    heading: "[telemetry]",
    about: "Traces, by OTLP over gRPC; without a collector none are made. Other variables of OpenTelemetry's exporter count as \
        well.",
    settings: &[
        text("otlp_endpoint", "The URL of the collector, such as `http://127.0.0.1:4317`")
            .variable("OTEL_EXPORTER_OTLP_ENDPOINT"),
        text(
            "trace_sample_ratio",
            "Which part of the traces that begin here is recorded, from 0 to 1, as a text; a caller decides about its own",
        )
        .or("1")
        .variable("OTEL_TRACES_SAMPLER_ARG"),
    ],
};

pub(crate) const SANDBOX: Part = Part {
    heading: "[sandbox]",
    about: "The sandbox inside, where no provider is configured. No money moves there.",
    settings: &[text("listen", "Where it listens; loopback alone")
        .or("127.0.0.1:12111")
        .variable("PAYLINKS_SANDBOX_LISTEN")],
};

pub(crate) const VIES: Part = Part {
    heading: "[vies]",
    about: "Looking VAT ids up in the EU's register, where a caller asks for it.",
    settings: &[
        flag("enabled", "Whether it is done").or("false"),
        text("api_base", "Where its API is; https, or http on loopback")
            .or("https://ec.europa.eu/taxation_customs/vies/rest-api/"),
        text(
            "requester",
            "The VAT id of who asks: the register gives a consultation number to those alone that tell it",
        ),
    ],
};

pub(crate) const MAIL: Part = Part {
    heading: "[mail]",
    about: "Sending invoices and receipts; without this part it is off.",
    settings: &[
        text("host", "The name of the SMTP server, which its certificate must have. Needed"),
        number("port", "Its port").or("465; 587 with starttls, 25 with none"),
        text("tls", "`implicit` from the first byte on, `starttls`, or `none` on loopback alone").or("implicit"),
        text("from", "Where mail comes from, of sellers without a `mail_from`; bounces go there. Needed"),
        text("username", "Who sends, for the server; beside a password or not at all"),
        text("password", "The password beside it").variable("PAYLINKS_MAIL_PASSWORD").secret(),
        number("timeout_seconds", "For handing one mail over: 1 to 120").or("60"),
        text("ca_file", "Certificates in PEM that are trusted beside those of the public authorities"),
    ],
};

pub(crate) const SELLERS: Part = Part {
    heading: "[[sellers]]",
    about: "Who invoices; at least one before real money moves.",
    settings: &[
        text("id", "Its id for callers: it stays. Needed"),
        text("name", "Its legal name, as invoices say it. Needed"),
        text("country", "The country of its address, ISO 3166-1 alpha-2. Needed"),
        text("line1", "Its address"),
        text("line2", "Its address, the second line"),
        text("postal_code", "Its postal code"),
        text("city", "Its city"),
        text("state", "Its state or province, where addresses have one"),
        text("email", "Where its customers write to it; on its documents"),
        text("registration_number", "Its number in the register of companies; on its documents"),
        text("registered_office", "Its registered office; on its documents"),
        text("phone", "Its phone number; on its documents"),
        text("website", "Its website, http or https; on its documents"),
        parts("transfer", "How money is transferred to it; on its documents while something is due"),
        text("footer", "What stands below everything else on its documents, at most 2,000 characters"),
        text("mail_from", "Where its mails come from, and bounces go").or("`from` of [mail]"),
        text("mail_reply_to", "Who gets answers to its mails").or("whoever they come from"),
        texts("tax_ids", "Its tax ids, each right to its check digits"),
        parts("tax_registrations", "Where it charges tax"),
        text("default_tax_code", "What it usually sells: the tax of automatic lines that name no kind of product")
            .or("electronic_service"),
        text("tax_engine", "Who computes the tax of automatic lines: `tables` is this program, `provider` its provider")
            .or("tables"),
        text("currency", "Its own, ISO 4217: of invoices that name none, and for its tax on those in another. Needed"),
        text("provider", "Who charges for it; needed where there are several").or("the only provider"),
        text("invoice_numbers", "How its invoices are numbered: `{year}` and `{number:5}`, padded to five digits")
            .or("INV-{year}-{number:5}"),
        text("credit_note_numbers", "The same for credit notes; the same format puts both into one series")
            .or("CN-{year}-{number:5}"),
        flag("tax_rounding_per_line", "Whether tax is rounded on each line, and not once for each rate of the invoice")
            .or("false"),
        flag("tax_rounding_half_even", "Whether halves of tax are rounded to even, and not up").or("false"),
        number("payment_terms_days", "Days from finalization to the due date").or("30"),
        texts(
            "redirect_hosts",
            "Hosts to which hosted pages may send a browser: exact, or `*.example.com`; `*` alone is everywhere. Needed with a live \
             key",
        )
        .or("*"),
    ],
};

pub(crate) const TRANSFER: Part = Part {
    heading: "transfer of [[sellers]]",
    about: "How money is transferred to a seller: an IBAN, a Bankgiro number or a text.",
    settings: &[
        text("iban", "Its IBAN, right to its check digits"),
        text("bic", "The BIC beside an IBAN"),
        text("bankgiro", "Its Bankgiro number, right to its check digit"),
        text("reference", "What payers write: `{number}` is the invoice's").or("{number}"),
        text("text", "Instructions in words"),
    ],
};

pub(crate) const TAX_REGISTRATIONS: Part = Part {
    heading: "tax_registrations of [[sellers]]",
    about: "Where a seller charges tax.",
    settings: &[
        text("country", "The country, ISO 3166-1 alpha-2. Needed"),
        text("subdivision", "The province, where that registers"),
        text("scheme", "`standard`, or the EU's one-stop shops `union_oss` and `non_union_oss`").or("standard"),
        text("since", "The first day, such as 2024-01-01").or("always"),
        text("until", "The last day").or("for ever"),
    ],
};

/// The parts behind those of the providers.
const OTHERS: [&Part; 5] = [&VIES, &MAIL, &SELLERS, &TRANSFER, &TAX_REGISTRATIONS];

/// What stands before the tables.
const ABOUT: &str = "\
# Every setting

`cargo xtask codegen` writes this from the code. A setting is given in the file that `--config` or `PAYLINKS_CONFIG` names, or by
its variable, which comes before the file; of a few there is a flag as well, which comes before both (`paylinks serve --help`).
An empty one counts as absent. `paylinks config check` tells all that is wrong at once.

A secret can stand in a file of its own: the setting of its name and `_file`, or the variable of its variable's name and `_FILE`,
names it. The end of its line is cut off; a list has an item a line. So do systemd's credentials and the secrets of containers
come in. The file should be open to nobody else (`chmod 0400`); one that is, is warned of.

`PAYLINKS_LOG` filters the log, such as `info` or `warn,application=debug`; `PAYLINKS_LOG_FORMAT` is `text` or `json`.
";

/// All of it, as Markdown.
pub(crate) fn reference() -> String {
    let mut written = ABOUT.to_owned();
    for part in [&TOP, &GRPC_TLS, &TELEMETRY, &SANDBOX] {
        write(&mut written, part.heading, part.about, part.settings.iter());
    }
    for adapter in ADAPTERS {
        let heading = format!("[providers.NAME] with the adapter `{}`", adapter.name);
        let about = "A name is 1 to 40 of a-z, 0-9 and hyphens, and stays: it stands with every link and payment, and in the URL \
            of the webhooks, `/webhooks/NAME`. Variables are of the part that is named as its adapter.";
        write(&mut written, &heading, about, std::iter::once(&ADAPTER).chain(adapter.settings));
    }
    for part in OTHERS {
        write(&mut written, part.heading, part.about, part.settings.iter());
    }
    written
}

fn write<'a>(written: &mut String, heading: &str, about: &str, settings: impl Iterator<Item = &'a Setting>) {
    if !heading.is_empty() {
        written.push_str(&format!("\n## {}\n", heading.replace('[', "\\[").replace(']', "\\]")));
    }
    written.push_str(&format!("\n{about}\n\n| setting | what it is | default | variable | meaning |\n"));
    written.push_str("| --- | --- | --- | --- | --- |\n");
    for setting in settings {
        let name = match setting.file_setting() {
            Some(file) => format!("`{}`, `{file}`", setting.name),
            None => format!("`{}`", setting.name),
        };
        let variables = [setting.variable.map(str::to_owned), setting.file_variable()];
        let variables: Vec<_> = variables.into_iter().flatten().map(|variable| format!("`{variable}`")).collect();
        let kind = match setting.kind {
            SettingKind::Text if setting.is_secret => "secret",
            SettingKind::Texts if setting.is_secret => "list of secrets",
            SettingKind::Text => "text",
            SettingKind::Texts => "list of texts",
            SettingKind::Number => "whole number",
            SettingKind::Flag => "true or false",
            SettingKind::Parts => "part",
        };
        let row = [&name, kind, setting.default, &variables.join(", "), setting.meaning].join(" | ");
        written.push_str(&format!("| {row} |\n"));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;
    use domain::validation::Validator;
    use serde::de::DeserializeOwned;
    use toml::Table;

    use super::*;
    use crate::config::{form, mail, registrations, sellers, tls, traces};

    /// A name that is no setting's.
    const NONE: &str = "~";

    fn nonsense() -> Table {
        Table::from_iter([(NONE.to_owned(), 1.into())])
    }

    /// The names that are read, as whoever reads them tells when one is unknown.
    fn names(told: &str) -> BTreeSet<String> {
        let (_, expected) = told.split_once("expected").expect("the names are told");
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    fn read<T: DeserializeOwned + Default>() -> BTreeSet<String> {
        let (_, faults) = form::settings_of::<T>(nonsense());
        names(&faults[0].1)
    }

    fn told<'a>(settings: impl IntoIterator<Item = &'a Setting>, with_files: bool) -> BTreeSet<String> {
        let all = settings.into_iter();
        all.flat_map(|it| [Some(it.name.to_owned()), it.file_setting().filter(|_| with_files)]).flatten().collect()
    }

    #[test]
    fn every_setting_that_is_read_is_told_and_no_other() {
        assert_eq!(told(TOP.settings, true), read::<crate::config::File>());
        assert_eq!(told(GRPC_TLS.settings, true), read::<tls::FileTls>());
        assert_eq!(told(TELEMETRY.settings, true), read::<traces::FileTelemetry>());
        assert_eq!(told(SANDBOX.settings, true), read::<crate::config::FileSandbox>());
        assert_eq!(told(VIES.settings, true), read::<crate::config::FileVies>());
        assert_eq!(told(MAIL.settings, true), read::<mail::FileMail>());
        assert_eq!(told(SELLERS.settings, true), read::<sellers::FileSeller>());
        assert_eq!(told(TRANSFER.settings, true), read::<sellers::FileTransfer>());
        assert_eq!(told(TAX_REGISTRATIONS.settings, true), read::<registrations::FileRegistration>());
        for adapter in ADAPTERS {
            let mut v = Validator::new();
            (adapter.check)(&mut v, "any".parse().unwrap(), nonsense());
            let violations = v.finish(None::<()>).unwrap_err();
            let unknown = violations.iter().find(|violation| violation.field == NONE).unwrap();
            // Their files are taken before.
            assert_eq!(told(adapter.settings, false), names(&unknown.expected), "{}", adapter.name);
        }
    }

    #[test]
    fn every_variable_of_the_command_line_is_a_settings() {
        let command = crate::Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let variables = serve.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
        let parts = [&TOP, &GRPC_TLS, &TELEMETRY, &SANDBOX].into_iter().chain(OTHERS);
        let told: BTreeSet<String> = parts
            .flat_map(|part| part.settings)
            .flat_map(|setting| [setting.variable.map(str::to_owned), setting.file_variable()])
            .flatten()
            .chain(["PAYLINKS_CONFIG".to_owned()])
            .collect();
        assert_eq!(told, variables.map(str::to_owned).collect());
    }

    #[test]
    fn the_example_file_names_every_setting() {
        let example = include_str!("../../paylinks.example.toml");
        let of_adapters = ADAPTERS.iter().flat_map(|adapter| adapter.settings);
        let of_parts = [&TOP, &GRPC_TLS, &TELEMETRY, &SANDBOX].into_iter().chain(OTHERS).flat_map(|part| part.settings);
        for name in told(of_adapters.chain(of_parts).filter(|it| it.kind != SettingKind::Parts), true) {
            let begins = |text: &str| text.trim_start_matches(['#', ' ', '{']).starts_with(&format!("{name} ="));
            let is_named = example.lines().any(|line| line.split([',', '{']).any(begins));
            assert!(is_named, "{name}");
        }
    }

    #[test]
    fn the_reference_is_a_table_of_each_part() {
        let written = reference();
        assert!(written.contains("| `database_url`, `database_url_file` | secret |"), "{written}");
        assert_eq!(written.matches("| setting |").count(), 4 + ADAPTERS.len() + OTHERS.len());
    }
}
