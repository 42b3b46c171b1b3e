//! Requests from command lines: a flag for each field of the method's request, and `--from` for the whole as JSON.

use std::collections::BTreeMap;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, ArgAction, ArgMatches};
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, Value};

use crate::contract::{about_field, first_sentence, is_list, method, updated_field};
use crate::nouns::{Manner, Verb};
use crate::values::Form;
use crate::{items, numbers};

/// What is not asked for by a flag of that name.
const NOT_FLAGS: [&str; 4] = ["request_id", "seller_id", "page_size", "page_token"];
/// How deep messages within messages have flags of their own, if all of their fields can.
const DEPTH_MAX: usize = 2;

/// A field that can be given.
struct Flag {
    /// Its name: those of the fields that lead to it, with full stops between them.
    name: String,
    /// The fields that lead to it, itself the last.
    path: Vec<FieldDescriptor>,
    form: Form,
    /// Whether it is one of several fields of something that the request has.
    is_within: bool,
}

impl Flag {
    fn field(&self) -> &FieldDescriptor {
        &self.path[self.path.len() - 1]
    }

    fn is_several(&self) -> bool {
        self.field().is_list() || self.field().is_map()
    }

    fn arg(&self) -> Arg {
        let mut about = about_field(self.field());
        if let Form::Json(message) = &self.form {
            about = format!("{about} As JSON: {}", shape(message, 0));
        }
        let short = match self.path.as_slice() {
            // What is within something says little without it.
            [.., outer, _] if self.is_within => {
                format!("{}: {}", first_sentence(&about_field(outer)), first_sentence(&about))
            }
            _ => first_sentence(&about),
        };
        let mut arg = Arg::new(self.name.clone()).long(self.name.replace('_', "-")).help(short);
        if about.len() > first_sentence(&about).len() + 1 {
            arg = arg.long_help(about);
        }
        let Some(placeholder) = self.form.placeholder() else { return arg.action(ArgAction::SetTrue) };
        let action = if self.is_several() { ArgAction::Append } else { ArgAction::Set };
        arg = arg.value_name(placeholder).action(action).value_parser(Suggested(self.form.choices()));
        // Where events go on from.
        if self.name == "after_cursor" { arg.visible_alias("from") } else { arg }
    }

    /// The values that were given; every one that can't be read is a fault.
    fn values(&self, matches: &ArgMatches, faults: &mut Vec<String>) -> Option<Value> {
        let flag = self.name.replace('_', "-");
        if self.form.placeholder().is_none() {
            return matches.get_flag(&self.name).then(|| self.form.parse("true")).and_then(Result::ok);
        }
        let given: Vec<&String> = matches.get_many(&self.name)?.collect();
        if self.field().is_map() {
            let mut pairs = std::collections::HashMap::new();
            for text in given {
                match text.split_once('=') {
                    Some((key, value)) => {
                        pairs.insert(MapKey::String(key.to_owned()), Value::String(value.to_owned()));
                    }
                    None => faults.push(format!("--{flag} must be KEY=VALUE")),
                }
            }
            return Some(Value::Map(pairs));
        }
        let mut values = Vec::new();
        for text in given {
            match self.form.parse(text) {
                Ok(value) => values.push(value),
                Err(expected) if self.field().is_list() && text.trim_start().starts_with('[') => {
                    faults.push(format!("--{flag} {expected}; the flag is given once for each"));
                }
                Err(expected) => faults.push(format!("--{flag} {expected}")),
            }
        }
        if self.field().is_list() { Some(Value::List(values)) } else { values.pop() }
    }
}

/// The fields of a message in JSON, and those within them: of those that exclude each other, all.
fn shape(message: &MessageDescriptor, depth: usize) -> String {
    let field = |field: FieldDescriptor| {
        let kind = field.kind();
        let form = Form::of(&field);
        let inner = kind.as_message().filter(|inner| depth < DEPTH_MAX && !inner.full_name().starts_with("google."));
        let value = match (&form, inner) {
            (Form::Pair, _) => "{KEY: VALUE}".to_owned(),
            (_, Some(inner)) => shape(inner, depth + 1),
            (form, None) => form.placeholder().unwrap_or("BOOL").to_owned(),
        };
        let value = if field.is_list() { format!("[{value}]") } else { value };
        format!("{}: {value}", field.json_name())
    };
    format!("{{{}}}", message.fields().map(field).collect::<Vec<_>>().join(", "))
}

/// Offers values, and refuses none: what is wrong with all flags is told at once.
#[derive(Clone)]
struct Suggested(Vec<String>);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        if self.0.is_empty() {
            return None;
        }
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

/// The flags of a command, without what all commands have.
fn flags(verb: &Verb) -> Vec<Flag> {
    let request = method(verb.method).input();
    let mut flags = Vec::new();
    if let Some(changed) = updated_field(&request) {
        let message = changed.kind();
        let fields = message.as_message().into_iter().flat_map(MessageDescriptor::fields);
        for field in fields.filter(|field| field.name() == "etag" || verb.changes.contains(&field.name())) {
            // A message is replaced as a whole, so it is given as a whole.
            let form = match Form::of(&field) {
                Form::Switch => Form::Bool,
                form => form,
            };
            flags.push(Flag {
                name: field.name().to_owned(),
                path: vec![changed.clone(), field],
                form,
                is_within: false,
            });
        }
        if let Some(etag) = request.get_field_by_name("etag") {
            flags.push(Flag { name: "etag".to_owned(), form: Form::of(&etag), path: vec![etag], is_within: false });
        }
        return flags;
    }
    for field in request.fields() {
        let is_deprecated = field.field_descriptor_proto().options.as_ref().is_some_and(|options| options.deprecated());
        if !NOT_FLAGS.contains(&field.name()) && verb.subject != Some(field.name()) && !is_deprecated {
            flags.extend(flags_of(vec![field], DEPTH_MAX));
        }
    }
    flags
}

/// A flag of a field; or those of the fields within it, where each of them can have one.
fn flags_of(path: Vec<FieldDescriptor>, depth: usize) -> Vec<Flag> {
    within(&path, depth).unwrap_or_else(|| {
        let name = path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".");
        vec![Flag { name, form: Form::of(&path[path.len() - 1]), is_within: path.len() > 1, path }]
    })
}

fn within(path: &[FieldDescriptor], depth: usize) -> Option<Vec<Flag>> {
    let field = path.last()?;
    let Form::Json(message) = Form::of(field) else { return None };
    if depth == 0 || field.is_list() {
        return None;
    }
    let inner = message.fields().map(|inner| flags_of([path, &[inner]].concat(), depth - 1));
    let inner: Vec<Flag> = inner.flatten().collect();
    inner.iter().all(|flag| !matches!(flag.form, Form::Json(_))).then_some(inner)
}

/// The arguments that make a command's request.
pub(crate) fn args(verb: &Verb) -> Vec<Arg> {
    let method = method(verb.method);
    let takes_json = !is_list(&method) && method.input().fields().len() > 1 && verb.manner != Manner::Tail;
    let mut args = Vec::new();
    if let Some(subject) = verb.subject {
        let field = method.input().get_field_by_name(subject);
        let about = field.map_or_else(|| "Its id".to_owned(), |field| first_sentence(&about_field(&field)));
        let has_number = numbers::named(verb).iter().any(|(named, _)| *named == subject);
        let about = if has_number { format!("{about}; its number does as well") } else { about };
        // The proto calls it by another name in a few places, which would hide that it is the one without a flag.
        let mut arg = Arg::new("SUBJECT").value_name(subject.to_uppercase()).help(about);
        arg = if takes_json { arg.required_unless_present("from") } else { arg.required(true) };
        args.push(arg);
    }
    args.extend(flags(verb).iter().map(Flag::arg));
    match verb.manner {
        Manner::InvoiceItems => args.extend(items::args(true)),
        Manner::LinkItems => args.extend(items::args(false)),
        _ => {}
    }
    if updated_field(&method.input()).is_some() {
        let help = "A field to clear, or metadata.KEY for a pair to unset; may be given several times";
        args.push(Arg::new("clear").long("clear").value_name("FIELD").action(ArgAction::Append).help(help));
    }
    if !numbers::named(verb).is_empty() || method.input().get_field_by_name("seller_id").is_some() {
        let help = match method.input().get_field_by_name("seller_id") {
            Some(_) => "The seller, where the API key has several",
            None => "The seller, where a number names the document and the API key has several",
        };
        args.push(Arg::new("seller").long("seller").env("PAYLINKS_SELLER").value_name("ID").help(help));
    }
    if takes_json {
        let help = "The request as JSON, from a file or from standard input; flags come on top of it";
        args.push(Arg::new("from").long("from").value_name("FILE|-").help(help));
    }
    args
}

/// Makes the request of a command; `read` reads what `--from` names.
///
/// # Errors
/// Everything that is wrong with the command line, and with what was read.
pub(crate) fn build(
    verb: &Verb,
    matches: &ArgMatches,
    read: impl FnOnce(&str) -> std::io::Result<String>,
) -> Result<DynamicMessage, Vec<String>> {
    let message = method(verb.method).input();
    let mut request = DynamicMessage::new(message.clone());
    let mut faults = Vec::new();
    if let Ok(Some(file)) = matches.try_get_one::<String>("from") {
        match read(file).map(|text| crate::json::parse(&message, &text)) {
            Ok(Ok(parsed)) => request = parsed,
            Ok(Err(found)) => faults.extend(found.into_iter().map(|fault| format!("--from {file}: {fault}"))),
            Err(error) => faults.push(format!("--from {file} can't be read: {error}")),
        }
    }
    let changed = updated_field(&message);
    if let (Some(subject), Some(given)) = (verb.subject, matches.try_get_one::<String>("SUBJECT").ok().flatten()) {
        let value = Value::String(given.clone());
        match (&changed, message.get_field_by_name(subject)) {
            (_, Some(field)) => request.set_field(&field, value),
            (Some(changed), None) => {
                if let Some(inner) = request.get_field_mut(changed).as_message_mut() {
                    inner.set_field_by_name(subject, value);
                }
            }
            (None, None) => {}
        }
    }
    if let Ok(Some(seller)) = matches.try_get_one::<String>("seller") {
        request.set_field_by_name("seller_id", Value::String(seller.clone()));
    }
    let mut mask = Vec::new();
    let mut chosen = BTreeMap::new();
    for flag in flags(verb) {
        if let Some(value) = flag.values(matches, &mut faults) {
            if changed.is_some() && flag.name != "etag" {
                mask.extend(masked(&flag, &value));
            }
            note_choices(&flag, &mut chosen, &mut faults);
            set(&mut request, &flag.path, value);
        }
    }
    match verb.manner {
        Manner::InvoiceItems => items::add_lines(&mut request, matches, &mut faults),
        Manner::LinkItems => items::add_line_items(&mut request, matches, &mut faults),
        _ => {}
    }
    if changed.is_some() {
        mask.extend(matches.get_many::<String>("clear").into_iter().flatten().map(|field| cleared(field)));
        update_mask(&mut request, mask, &mut faults);
    }
    if faults.is_empty() { Ok(request) } else { Err(faults) }
}

/// What an update changes by a flag: of a map, the pairs that are given.
fn masked(flag: &Flag, value: &Value) -> Vec<String> {
    let keys = value.as_map().map(|pairs| pairs.keys().filter_map(MapKey::as_str).collect::<Vec<_>>());
    let Some(mut keys) = keys else { return vec![flag.name.clone()] };
    keys.sort_unstable();
    keys.into_iter().map(|key| format!("{}.{key}", flag.name)).collect()
}

/// A field by its flag's name or its own; the key of a pair stays as it is.
fn cleared(field: &str) -> String {
    let (name, key) = field.split_once('.').map_or((field, None), |(name, key)| (name, Some(key)));
    let name = name.replace('-', "_");
    key.map_or_else(|| name.clone(), |key| format!("{name}.{key}"))
}

/// Notes which of several that exclude each other is given. The second of a kind is a fault.
fn note_choices(flag: &Flag, chosen: &mut BTreeMap<String, (String, String)>, faults: &mut Vec<String>) {
    let written = flag.name.replace('_', "-");
    let mut prefix = String::new();
    for field in &flag.path {
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            let entry = chosen.entry(format!("{prefix}{}", oneof.name()));
            let (first, first_written) = entry.or_insert((field.name().to_owned(), written.clone()));
            if first != field.name() {
                faults.push(format!("--{written} can't be given together with --{first_written}"));
            }
        }
        prefix = format!("{prefix}{}.", field.name());
    }
}

fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], value: Value) {
    match path {
        [] => {}
        [field] => match (message.get_field_mut(field), value) {
            // Pairs come on top of those that are there.
            (Value::Map(there), Value::Map(more)) => there.extend(more),
            (there, value) => *there = value,
        },
        [field, inner @ ..] => {
            if let Some(nested) = message.get_field_mut(field).as_message_mut() {
                set(nested, inner, value);
            }
        }
    }
}

fn update_mask(request: &mut DynamicMessage, more: Vec<String>, faults: &mut Vec<String>) {
    let Some(Value::Message(mask)) = request.get_field_by_name_mut("update_mask") else { return };
    let Some(Value::List(paths)) = mask.get_field_by_name_mut("paths") else { return };
    paths.extend(more.into_iter().map(Value::String));
    if paths.is_empty() {
        faults.push("nothing is to change: give a flag for a field, or --clear".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, Subcommand};

    use super::*;
    use crate::ClientCommand;
    use crate::nouns;

    /// The request of a command line in JSON, without what it does not say; or what is wrong with it.
    fn made(arguments: &[&str], json: &str) -> String {
        let command = ClientCommand::augment_subcommands(Command::new("paylinks").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).unwrap();
        let (noun, matches) = matches.subcommand().unwrap();
        let (verb, matches) = matches.subcommand().unwrap();
        let verb = nouns::find(noun).unwrap().verbs.iter().find(|known| known.name == verb).unwrap();
        match build(verb, matches, |_| Ok(json.to_owned())) {
            Ok(request) => serde_json::to_value(&request).unwrap().to_string(),
            Err(faults) => faults.join("\n"),
        }
    }

    #[test]
    fn flags_make_the_request() {
        let item = ["--item", "12 x 140.00 EUR Consulting", "--item", "1 x price_1", "--tax-behavior", "exclusive"];
        let invoice = ["invoice", "create", "--customer-id", "cus_1", "--finalize", "--tax-code", "service"];
        insta::assert_snapshot!(made(&[&invoice[..], &item].concat(), ""));
        let more =
            ["--discount.percent-off", "10", "--due-date", "2026-12-31", "--metadata", "a=b=c", "--seller", "acme"];
        insta::assert_snapshot!(made(&[&["invoice", "create", "--untaxed"], &more[..], &item].concat(), ""));
        insta::assert_snapshot!(made(&["link", "create", "--item", "1 x 250.00 SEK Ticket"], ""));
        insta::assert_snapshot!(made(&["payment", "capture", "pay_1", "--amount", "1 608.75 SEK"], ""));
        insta::assert_snapshot!(made(&["subscription", "cancel", "sub_1", "--at", "period-end"], ""));
        insta::assert_snapshot!(made(&["coupon", "create", "--percent-off", "12.5", "--duration.once"], ""));
        insta::assert_snapshot!(made(&["event", "tail", "--from", "7", "--types", "invoice.paid"], ""));
    }

    #[test]
    fn an_update_says_what_changes_and_nothing_else() {
        let update = ["product", "update", "prod_1", "--active", "false", "--metadata", "b=2", "--metadata", "a=1"];
        let clear = ["--clear", "metadata.c-d", "--clear", "tax-code", "--etag", "v2"];
        insta::assert_snapshot!(made(&[&update[..], &clear].concat(), ""));
        insta::assert_snapshot!(made(&["invoice", "update", "inv_1", "--due-date", "2026-12-31"], ""));
        assert!(made(&["product", "update", "prod_1"], "").starts_with("nothing is to change"));
    }

    #[test]
    fn flags_come_on_top_of_what_is_read() {
        let json = r#"{"name": "Ada", "email": "ada@example.com", "metadata": {"a": "1", "b": "2"}}"#;
        insta::assert_snapshot!(made(
            &["customer", "create", "--from", "-", "--name", "Eve", "--metadata", "b=3"],
            json
        ));
        let refund = r#"{"paymentId": "pay_1"}"#;
        assert_eq!(made(&["payment", "refund", "--from", "-"], refund), r#"{"paymentId":"pay_1"}"#);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let wrong =
            ["--item", "one", "--due-date", "soon", "--metadata", "a", "--tax-rounding.scope", "x", "--from", "-"];
        let both = ["--discount.percent-off", "10", "--discount.amount-off", "10 SEK"];
        let invoice = [&["invoice", "create"], &wrong[..], &both].concat();
        insta::assert_snapshot!(made(&invoice, r#"{"lines": [{"quantity": "x"}]}"#));
    }
}
