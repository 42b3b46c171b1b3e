//! The configuration as a whole.

use domain::seller::TaxEngine;

use super::*;

fn check(settings: Settings, file: &str) -> Result<Config, String> {
    let (file, faults) = form::read("paylinks.toml", file).unwrap();
    Config::check(&settings, file, faults).map_err(|error| format!("{error:#}"))
}

fn set(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn nothing_configured_is_the_sandbox_on_loopback_with_open_access() {
    let config = check(Settings::default(), "").unwrap();
    assert!(matches!(config.charging, Charging::Sandbox { .. }));
    assert_eq!((config.access, config.grpc_listen.port()), (AccessPolicy::Open, 50_051));
}

#[test]
fn beyond_loopback_callers_need_a_key() {
    let grpc = Settings { grpc_listen: Some("0.0.0.0:50051".to_owned()), ..Settings::default() };
    let http = Settings { http_listen: Some("0.0.0.0:8080".to_owned()), ..Settings::default() };
    for settings in [grpc, http] {
        assert_eq!(check(settings.clone(), "").unwrap().access, AccessPolicy::ApiKeys);
        assert!(check(settings, "access = \"open\"").err().unwrap().contains("access must be api_keys"));
    }
}

#[test]
fn a_live_key_needs_secrets_sellers_and_hosts_and_everything_is_told_at_once() {
    let settings = Settings { environment: set(&[("STRIPE_API_KEY", "sk_live_x")]), ..Settings::default() };
    let error = check(settings.clone(), "access = \"open\"").err().unwrap();
    for field in ["providers.stripe.webhook_secrets", "sellers", "access", "public_url is required"] {
        assert!(error.contains(field), "{field}: {error}");
    }
    let seller = "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"";
    assert!(check(settings, seller).err().unwrap().contains("sellers[0].redirect_hosts"));
}

#[test]
fn every_setting_that_can_not_work_is_told_on_a_line_of_its_own() {
    let settings = Settings {
        http_listen: Some(":8080".to_owned()),
        environment: set(&[("STRIPE_API_KEY", "sk_test_x"), ("STRIPE_WEBHOOK_SECRET", "foo")]),
        ..Settings::default()
    };
    let seller = "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n";
    let twice = format!("{seller}{seller}redirect_hosts = [\"https://x.example.net/\"]\n");
    let error = check(settings, &twice).err().unwrap();
    for told in
        ["http_listen must be IP:PORT", "providers.stripe.webhook_secrets must be", "sellers[1].redirect_hosts[0] must"]
    {
        assert!(error.lines().any(|line| line.trim().starts_with(told)), "{told}: {error}");
    }
    let error = check(Settings::default(), &seller.repeat(2)).err().unwrap();
    assert!(error.contains("sellers[1].id must be another's"), "{error}");
}

#[test]
fn a_public_url_is_one_that_pages_can_be_below() {
    let with = |url: &str| check(Settings { public_url: Some(url.to_owned()), ..Settings::default() }, "");
    for url in ["http://127.0.0.1:8080", "https://example.com/billing/"] {
        assert_eq!(with(url).unwrap().public_url.unwrap(), Url::parse(url).unwrap());
    }
    for url in ["example.com", "ftp://example.com", "https://a:b@example.com", "https://x.se/?a", "https://x.se/#a"] {
        assert!(with(url).err().unwrap().contains("public_url must be"), "{url}");
    }
    let live = Settings {
        environment: set(&[("STRIPE_API_KEY", "sk_live_x"), ("STRIPE_WEBHOOK_SECRET", "whsec_x")]),
        public_url: Some("http://example.com".to_owned()),
        ..Settings::default()
    };
    assert!(check(live, "").err().unwrap().contains("public_url must begin with https://"));
    assert_eq!(
        check(Settings::default(), "public_url = \"https://x.se\"").unwrap().public_url.unwrap().host_str(),
        Some("x.se")
    );
}

#[test]
fn a_webhook_secret_without_a_key_is_no_silent_sandbox() {
    let expected = "providers.stripe.api_key is required";
    let settings = Settings { environment: set(&[("STRIPE_WEBHOOK_SECRET", "whsec_x")]), ..Settings::default() };
    assert!(check(settings, "").err().unwrap().contains(expected));
    let file = "[providers.stripe]\nwebhook_secrets = [\"whsec_x\"]\n";
    assert!(check(Settings::default(), file).err().unwrap().contains(expected));
}

/// A provider in the file.
fn provider(name: &str, more: &str) -> String {
    format!(
        "[providers.{name}]\nadapter = \"stripe\"\napi_key = \"sk_test_{name}\"\nwebhook_secrets = [\"whsec_x\"]\n{more}"
    )
}

#[test]
fn providers_are_as_many_as_are_named_and_each_seller_has_one() {
    let two = provider("north", "") + &provider("south", "");
    let seller = |more: &str| {
        format!("{two}[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n{more}")
    };
    let config = check(Settings::default(), &seller("provider = \"south\"")).unwrap();
    assert_eq!(config.sellers[0].provider.as_str(), "south");
    assert_eq!(config.access, AccessPolicy::ApiKeys);
    let error = check(Settings::default(), &seller("")).err().unwrap();
    assert!(error.contains("sellers[0].provider is required, one of north, south"), "{error}");
    let error = check(Settings::default(), &seller("provider = \"east\"")).err().unwrap();
    assert!(error.contains("sellers[0].provider must be one of north, south"), "{error}");
    assert!(check(Settings::default(), &two).err().unwrap().contains("sellers must say by which provider"));
}

#[test]
fn what_is_wrong_with_providers_is_told_by_setting_and_without_values() {
    for (file, told) in [
        (provider("north", "account = \"canary\""), "providers.north.account must be an id"),
        (provider("north", "calls_per_second_max = 0"), "providers.north.calls_per_second_max must be at least 1"),
        (provider("north", "api_base = \"http://canary.example\""), "providers.north.api_base must be https"),
        (
            provider("north", "colour = 1"),
            "providers.north.colour unknown field `colour`, expected one of api_key, api_key_file, webhook_secrets, ",
        ),
        (provider("north", "colour = 1\ncalls_per_second_max = 0"), "providers.north.calls_per_second_max must be"),
        (provider("north", "account = 7"), "providers.north.account invalid type: integer, expected a string"),
        (provider("North", ""), "providers.North must have a name of 1 to 40"),
        (provider("out-of-band", ""), "providers.out-of-band must have a name"),
        ("[providers.canary]\n".to_owned(), "providers.canary.adapter must be one of "),
        (
            provider("a", "") + &provider("b", "").replace("sk_test_b", "sk_live_b"),
            "providers must all move real money, or none of them",
        ),
        (
            provider("a", "") + &provider("b", "") + &provider("c", "").replace("sk_test_c", "sk_test_a"),
            "providers must each have an account of its own, or each payment would count twice: a and c share one",
        ),
    ] {
        let error = check(Settings::default(), &file).err().unwrap();
        assert!(error.lines().any(|line| line.trim().starts_with(told)), "{told}: {error}");
    }
}

#[test]
fn an_empty_setting_counts_as_absent() {
    let empty = || Some(String::new());
    let settings = Settings {
        config: empty(),
        grpc_listen: empty(),
        database_url: empty(),
        environment: set(&[("STRIPE_API_KEY", ""), ("STRIPE_WEBHOOK_SECRET", ", ")]),
        ..Settings::default()
    };
    assert!(Config::load(&settings).is_ok_and(|config| matches!(config.charging, Charging::Sandbox { .. })));
}

#[test]
fn the_example_file_is_right_and_dates_may_be_written_as_toml_writes_them() {
    let config = check(Settings::default(), include_str!("../../paylinks.example.toml")).unwrap();
    assert_eq!(config.sellers[0].tax_registrations[1].since, Some(time::macros::date!(2024 - 01 - 01)));
    let text = "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
        tax_registrations = [{ country = \"SE\", since = \"soon\" }]\n";
    assert!(check(Settings::default(), text).err().unwrap().contains("tax_registrations[0].since must be a date"));
}

#[test]
fn the_example_in_the_readme_is_right() {
    let readme = include_str!("../../../../README.md");
    let example = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    // Its secrets stand in the environment.
    let settings = Settings {
        environment: set(&[("STRIPE_API_KEY", "sk_test_1"), ("STRIPE_WEBHOOK_SECRET", "whsec_1")]),
        ..Settings::default()
    };
    let config = check(settings, example).unwrap();
    assert_eq!(config.sellers[0].tax_ids[0].as_str(), "SE556000000101");
}

#[test]
fn a_seller_is_taxed_by_the_tables_unless_it_says_otherwise() {
    let file = |more: &str| {
        format!("[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n{more}")
    };
    for (more, engine) in [
        ("", TaxEngine::Tables),
        ("tax_engine = \"tables\"", TaxEngine::Tables),
        ("tax_engine = \"provider\"", TaxEngine::Provider),
    ] {
        assert_eq!(check(Settings::default(), &file(more)).unwrap().sellers[0].tax_engine, engine, "{more}");
    }
    let error = check(Settings::default(), &file("tax_engine = \"abacus\"")).err().unwrap();
    assert!(error.contains("sellers[0].tax_engine unknown variant"), "{error}");
}

#[test]
fn a_sellers_tax_id_is_right_down_to_its_check_digits() {
    let file = |id: &str| {
        format!(
            "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_ids = [\"{id}\"]\n"
        )
    };
    assert!(check(Settings::default(), &file("SE 556703-7485 01")).is_ok());
    for (id, expected) in
        [("SE556703748401", "must have check digits"), ("SE5567037485", "must be SE, 10 digits and 01")]
    {
        let error = check(Settings::default(), &file(id)).err().unwrap();
        assert!(error.contains(&format!("tax_ids[0] {expected}")), "{error}");
    }
}

#[test]
fn a_database_in_a_file_is_locked_beside_it_and_the_sandbox_in_its_directory() {
    let locks = |url: &str| {
        let directory = std::env::temp_dir().join(format!("paylinks-locks-{}", std::process::id()));
        let url = url.replace('~', &directory.display().to_string());
        let settings = Settings {
            data_dir: Some(directory.join("data").display().to_string()),
            database_url: Some(url),
            ..Settings::default()
        };
        let locks = check(settings, "").unwrap().make_directories().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let name = |lock: PathBuf| lock.strip_prefix(&directory).unwrap().display().to_string();
        locks.into_iter().map(name).collect::<Vec<_>>()
    };
    for url in ["sqlite://~/x/y.db", "sqlite:~/x/y.db?mode=rwc"] {
        assert_eq!(locks(url), ["x/y.db.lock", "data/paylinks.lock"]);
    }
    for url in ["sqlite::memory:", "sqlite://y?mode=memory", "postgres://localhost/x"] {
        assert_eq!(locks(url), ["data/paylinks.lock"]);
    }
}

#[test]
fn the_summary_shows_no_secret() {
    let settings = Settings {
        environment: set(&[("STRIPE_API_KEY", "sk_test_canary"), ("STRIPE_WEBHOOK_SECRET", "whsec_canary")]),
        database_url: Some("postgres://user:canary@localhost/x".into()),
        ..Settings::default()
    };
    assert!(!check(settings, "").unwrap().summary().contains("canary"));
}

#[test]
fn the_database_is_told_by_its_whole_path_or_its_server_without_a_password() {
    let place = |url: &str| {
        let settings = Settings { database_url: Some(url.to_owned()), ..Settings::default() };
        check(settings, "").unwrap().database_place()
    };
    let here = std::env::current_dir().unwrap();
    assert_eq!(
        check(Settings::default(), "").unwrap().database_place(),
        here.join("data/paylinks.db").display().to_string()
    );
    assert_eq!(place("sqlite://x/y.db?mode=rwc"), here.join("x/y.db").display().to_string());
    assert_eq!(place("sqlite::memory:"), "sqlite");
    assert_eq!(place("postgres://ada:canary@db:5433/pay?password=canary"), "postgres://db:5433/pay");
    assert_eq!(place("postgres:///pay?password=canary"), "postgres");
}

#[test]
fn a_database_whose_answers_can_be_read_on_their_way_is_warned_of() {
    for (url, is_warned) in [
        ("postgres://x@db.internal/y", true),
        ("postgres://x@10.0.0.7/y?sslmode=prefer", true),
        ("postgres://x@db.internal/y?sslmode=disable", true),
        ("postgres://x@db.internal/y?sslmode=require", false),
        ("postgres://x@db.internal/y?sslmode=verify-full", false),
        ("postgres://x@localhost/y", false),
        ("postgres://x@[::1]/y", false),
        ("postgres:///y?host=/run/postgresql", false),
        ("sqlite://y.db", false),
    ] {
        let settings = Settings { database_url: Some(url.to_owned()), ..Settings::default() };
        let warned = check(settings, "").unwrap().warnings;
        assert_eq!(warned.iter().any(|(setting, _)| setting == "database_url"), is_warned, "{url}");
    }
}

#[test]
fn a_parameter_of_the_databases_url_is_named_where_it_can_be_no_secret() {
    for (query, told) in [
        ("connect_timeout=5", Some("connect_timeout in it is not known here")),
        ("password=se&cret=canary", Some("another parameter in it is not known here")),
        ("user=me@tenant&application_name=billing&options[search_path]=pay", None),
    ] {
        let url = format!("postgres:///y?host=/run/postgresql&{query}");
        let warned = check(Settings { database_url: Some(url), ..Settings::default() }, "").unwrap().warnings;
        let warned: Vec<_> = warned.iter().map(|(_, told)| told.as_str()).collect();
        assert_eq!(warned.len(), usize::from(told.is_some()), "{warned:?}");
        assert!(warned.iter().all(|warned| warned.starts_with(told.unwrap_or_default())), "{warned:?}");
    }
}

#[test]
fn faults_of_form_and_of_value_are_told_at_once_and_without_what_follows_from_them() {
    let file = "http_listen = \":1\"\nacces = \"open\"\n[providers.stripe]\napi_key = 7\naccount = \"canary\"\n\
        webhook_secrets = [\"whsec_x\"]\n[vies]\nrequester = \"XX1\"\n[grpc_tls]\ncert_file = 1\n\
        [[sellers]]\nid = 7\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"krona\"\nprovider = \"stripe\"\n";
    let error = check(Settings::default(), file).err().unwrap();
    let told: Vec<_> = error.lines().skip(1).map(|line| line.trim().split(' ').next().unwrap()).collect();
    let wanted = [
        "acces",
        "grpc_tls.cert_file",
        "sellers[0].id",
        "http_listen",
        "providers.stripe.api_key",
        "providers.stripe.account",
        "grpc_tls.key_file",
        "vies.requester",
        "sellers[0].currency",
    ];
    assert_eq!(told, wanted, "{error}");
}

#[test]
fn a_provider_of_unknown_form_leads_to_no_fault_of_its_sellers() {
    let seller =
        "[[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\nprovider = \"north\"\n";
    let error = check(Settings::default(), &format!("{seller}[providers]\nnorth = 1\n")).err().unwrap();
    assert_eq!(error.lines().count(), 2, "{error}");
    assert!(error.contains("providers.north invalid type"), "{error}");
}

#[test]
fn what_serve_would_refuse_later_is_refused() {
    for (file, told) in [
        ("grpc_listen = \"127.0.0.1:7\"\nhttp_listen = \"127.0.0.1:7\"\n", "http_listen must be another address"),
        ("grpc_listen = \"0.0.0.0:7\"\nhttp_listen = \"127.0.0.1:7\"\n", "http_listen must be another address"),
        ("data_dir = \"a\\u0000b\"\n", "data_dir must be a path"),
        ("data_dir = \"Cargo.toml/data\"\n", "data_dir must be a directory"),
        ("database_url = \"sqlite://a\\u0000b\"\n", "database_url must"),
        ("database_url = \"mysql://localhost/x\"\n", "database_url must"),
        ("database_url = \"postgres://canary:canary@localhost:99999/x\"\n", "database_url must"),
        ("database_url = \"postgres://x:12?canary@db.internal/y\"\n", "database_url must be a URL"),
        ("database_url = \"postgres://x:/canary@db.internal/y\"\n", "database_url must be a URL"),
        ("database_url = \"postgres://x:12#canary@db.internal/y\"\n", "database_url must be a URL"),
        (
            "database_url = \"postgres://x@db/y?sslmode=verify-full&sslrootcert=/nowhere/ca.crt\"\n",
            "database_url has sslrootcert, which must be a file that can be read: No such file",
        ),
        (
            "[[sellers]]\nid = \"acme\"\nname = \"\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
             [[sellers]]\nid = \"acme\"\nname = \"B\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n",
            "sellers[1].id must be another's",
        ),
        ("public_url = \"https://.example.com\"\n", "public_url must be a URL"),
        ("[vies]\napi_base = \"https://.europa.eu/\"\n", "vies.api_base must have the name of a host"),
        ("[vies]\nrequester = \"GB980780684\"\n", "vies.requester must be a VAT id of the EU"),
    ] {
        let error = check(Settings::default(), file).err().unwrap_or_else(|| panic!("{file} is fine"));
        assert!(error.lines().any(|line| line.trim().starts_with(told)), "{told}: {error}");
        assert!(!error.contains("canary"), "{error}");
    }
    let any = "grpc_listen = \"127.0.0.1:0\"\nhttp_listen = \"127.0.0.1:0\"\n";
    assert!(check(Settings::default(), any).is_ok());
    let adyen = "[providers.adyen]\napi_key = \"k\"\nmerchant_account = \"A\"\nhmac_keys = [\"KEY\"]\n\
        [[sellers]]\nid = \"acme\"\nname = \"Acme\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_engine = \"provider\"\n";
    let error = check(Settings::default(), &adyen.replace("KEY", &"a0".repeat(32))).err().unwrap();
    assert_eq!(
        error.lines().skip(1).collect::<Vec<_>>(),
        ["  sellers[0].tax_engine must be tables: its provider computes no tax"]
    );
}

#[test]
fn every_secret_can_stand_in_a_file_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let directory = std::env::temp_dir().join(format!("paylinks-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let held = |name: &str, content: &str, mode: u32| {
        let path = directory.join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path.display().to_string()
    };
    let key = held("key", "sk_test_canary\n", 0o400);
    let secrets = held("secrets", "whsec_1\nwhsec_2\n", 0o644);
    let url = held("url", "postgres://localhost/x\n", 0o400);
    let other = format!(
        "database_url_file = \"{url}\"\n[providers.other]\nadapter = \"stripe\"\napi_key_file = \"{key}\"\n\
         webhook_secrets_file = \"{secrets}\"\n"
    );
    let config = check(Settings::default(), &other).unwrap();
    assert_eq!(config.database_url, "postgres://localhost/x");
    let warned: Vec<_> = config.warnings.iter().map(|(setting, _)| setting.as_str()).collect();
    assert_eq!(warned, ["providers.other.webhook_secrets_file"]);
    assert!(!config.summary().contains("canary"));
    // By the environment, which comes before the file.
    let environment = set(&[("STRIPE_API_KEY_FILE", &key), ("STRIPE_WEBHOOK_SECRET_FILE", &secrets)]);
    let settings = Settings { environment, ..Settings::default() };
    let file = "[providers.stripe]\napi_key = \"sk_live_x\"\nwebhook_secrets_file = \"/nowhere\"\n";
    assert!(check(settings, file).is_ok());
    for (file, told) in [
        (other.replace(&key, "/nowhere"), "  providers.other.api_key_file must be a file that can be read"),
        (
            other.replace("api_key_file", "api_key = \"sk_test_1\"\napi_key_file"),
            "  providers.other.api_key_file must be absent",
        ),
        (other.replace(&format!("\"{key}\""), "7"), "  providers.other.api_key_file must be the path"),
    ] {
        let error = check(Settings::default(), &file).err().unwrap();
        assert!(error.lines().count() == 2 && error.contains(told), "{error}");
    }
    std::fs::remove_dir_all(&directory).unwrap();
}
