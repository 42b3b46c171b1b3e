//! The commands as clap sees them: one for each kind of thing, with one for each thing that can be done. They are made when
//! they are asked for, so that the others cost nothing.

use std::io::{IsTerminal, Write};

use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches, Subcommand};

use crate::contract::{about_method, first_sentence, is_list, is_mutation, method, sole_field};
use crate::fault::EXIT_CODES;
use crate::nouns::{self, Manner, Noun, Verb};
use crate::output::Output;
use crate::{connection, request, run};

/// A command that calls a server.
pub struct ClientCommand {
    noun: &'static Noun,
    verb: &'static Verb,
    arguments: ArgMatches,
}

impl ClientCommand {
    /// Runs the command; the answer goes to `out`, and all else that is to be told to `notes`. Answers the code that the process
    /// is to end with, as `--help` lists them.
    pub async fn run(&self, out: &mut (impl Write + IsTerminal), notes: &mut impl Write) -> u8 {
        let is_terminal = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let is_json = self.arguments.get_flag("json");
        let done = run::run(self.noun, self.verb, &self.arguments, Output { out, notes, is_json, is_terminal }).await;
        match done {
            Ok(()) => 0,
            Err(fault) => {
                fault.tell(is_json, notes);
                fault.exit_code()
            }
        }
    }
}

impl FromArgMatches for ClientCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let found = matches.subcommand().and_then(|(noun, matches)| {
            let (verb, arguments) = matches.subcommand()?;
            let noun = nouns::find(noun)?;
            let verb = noun.verbs.iter().find(|known| known.name == verb)?;
            Some(Self { noun, verb, arguments: arguments.clone() })
        });
        found.ok_or_else(|| Error::new(clap::error::ErrorKind::MissingSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for ClientCommand {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(nouns::all().map(|noun| {
            Command::new(noun.name)
                .about(noun.about)
                .subcommand_required(true)
                .arg_required_else_help(true)
                .defer(with_verbs)
        }))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        nouns::find(name).is_some()
    }
}

fn with_verbs(command: Command) -> Command {
    let verbs = nouns::find(command.get_name()).map(|noun| noun.verbs.iter().map(verb_command));
    command.subcommands(verbs.into_iter().flatten())
}

fn verb_command(verb: &Verb) -> Command {
    let method = method(verb.method);
    let about = about_method(&method);
    let short = match verb.manner {
        Manner::QrCode => "Shows the QR code of a link's URL".to_owned(),
        // What comes behind a colon is for the long help.
        _ => first_sentence(&about).split(": ").next().unwrap_or_default().to_owned(),
    };
    let mut command = Command::new(verb.name).about(short).long_about(about).after_help(EXIT_CODES);
    command = command.args(request::args(verb));
    if is_mutation(&method) {
        let help = "The id by which a retry of this request is known; made and told on standard error if absent";
        command = command.arg(Arg::new("request-id").long("request-id").value_name("ID").help(help));
    }
    if is_list(&method) {
        let limit = "How many are listed, at the most";
        command = command
            .arg(Arg::new("limit").long("limit").value_name("NUMBER").default_value("20").help(limit))
            .arg(Arg::new("all").long("all").action(ArgAction::SetTrue).conflicts_with("limit").help("List all"));
    }
    if verb.manner == Manner::Document {
        let help = "Where the document goes, - for standard output; a new file of its own name if absent";
        command = command.arg(Arg::new("output").long("output").value_name("FILE|-").help(help));
    }
    let kind = sole_field(&method.output()).map(|field| field.kind());
    let answer = kind.as_ref().and_then(|kind| kind.as_message()).cloned().unwrap_or_else(|| method.output());
    if answer.get_field_by_name("url").is_some() && verb.manner == Manner::Plain || verb.manner == Manner::LinkItems {
        let help = "Show the URL as a QR code too";
        command = command.arg(Arg::new("qr").long("qr").action(ArgAction::SetTrue).conflicts_with("json").help(help));
    }
    let json = "Answer as JSON, one object a line, and tell errors so too";
    command.arg(Arg::new("json").long("json").action(ArgAction::SetTrue).help(json)).args(connection::args())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> Command {
        ClientCommand::augment_subcommands(Command::new("paylinks").no_binary_name(true).term_width(120))
    }

    #[test]
    fn every_command_is_well_formed() {
        let mut command = client();
        // Builds the deferred commands as well.
        command.build();
        command.clone().debug_assert();
        let nouns = command.get_subcommands().filter(|noun| nouns::find(noun.get_name()).is_some());
        let verbs: Vec<&Command> =
            nouns.flat_map(|noun| noun.get_subcommands().filter(|it| it.get_name() != "help")).collect();
        assert_eq!(verbs.len(), nouns::all().map(|noun| noun.verbs.len()).sum::<usize>());
        for verb in verbs {
            assert!(verb.get_about().is_some_and(|about| !about.to_string().is_empty()), "{}", verb.get_name());
            for arg in verb.get_arguments() {
                let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!about.is_empty() && !about.starts_with(": "), "{} {}", verb.get_name(), arg.get_id());
            }
        }
    }

    #[test]
    fn a_help_text_says_what_the_contract_says() {
        // What the environment holds is in no help text.
        let help = |arguments: &[&str]| client().try_get_matches_from(arguments).unwrap_err().to_string();
        insta::assert_snapshot!(help(&["refund", "create", "-h"]));
        insta::assert_snapshot!(help(&["invoice", "create", "-h"]));
        insta::assert_snapshot!(help(&["event", "tail", "-h"]));
    }
}
