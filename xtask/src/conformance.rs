//! `cargo xtask conformance`: Stripe's official SDKs for Python and Node against the sandbox, unchanged but for the base
//! address; Schemathesis against the JSON face and its description; our tax ids and rates against those of others; and the
//! examples for callers, in each of their languages.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::node::Node;
use crate::repo::{self, Running};
use crate::{python, test};

/// The SDK for Python; that for Node is in its own lock file.
const SDK: &str = "stripe==16.1.0";
/// The tester of descriptions that is installed.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Who else checks tax ids, and who else tells the rates of VAT; the rates of the world are in a lock file for Node.
const TAX_DATA: [&str; 2] = ["python-stdnum==2.2", "eu-vat-rates-data==2026.9.29"];
/// What makes Python's modules of the contract, and calls by them; what does so for Node is in a lock file.
const GRPC: [&str; 2] = ["grpcio==1.85.1", "grpcio-tools==1.85.1"];
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server that Schemathesis meets: by key alone, so that a call without one is seen to be refused.
const CONFIG: &str = "access = \"api_keys\"\n[[sellers]]\nid = \"acme\"\nname = \"Acme AB\"\ncountry = \"SE\"\n\
    currency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n";

/// What is held to something.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Tax ids and rates.
    Tax,
    /// The sandbox.
    Stripe,
    /// The examples for callers.
    Examples,
    /// The JSON face.
    Json,
}

/// Runs these parts; all of them where none is named.
pub(crate) fn run(parts: &[Part]) -> Result<()> {
    let is_wanted = |part| parts.is_empty() || parts.contains(&part);
    // What is missing is told before anything is built.
    let packages = [&[SDK, SCHEMATHESIS], &TAX_DATA[..], &GRPC].concat();
    let programs = python::environment("conformance/python", &packages)?;
    let node = Node::find()?;
    if is_wanted(Part::Tax) {
        tax_data(&programs, &node)?;
    }
    test::build_server()?;
    if is_wanted(Part::Stripe) {
        stripe_python(&programs)?;
        stripe_node(&node)?;
    }
    if is_wanted(Part::Examples) {
        examples(&programs, &node)?;
    }
    if is_wanted(Part::Json) {
        json_face(&programs)?;
    }
    Ok(())
}

/// The examples for callers: each bills somebody, and sees the invoice paid.
fn examples(programs: &Path, node: &Node) -> Result<()> {
    let directory = fresh_directory("conformance/examples")?;
    let [grpc, http, sandbox] = [repo::free_port()?, repo::free_port()?, repo::free_port()?];
    let mut server = program_in(&directory, [grpc, http, sandbox]);
    let _server = Running(server.arg("serve").stdout(Stdio::null()).spawn()?);
    wait_for(grpc)?;
    let address = format!("127.0.0.1:{grpc}");
    let scripts = repo::root().join("xtask/conformance/examples_python");
    let pays = |name: &str, mut example: Command, server: &str| {
        repo::say(&format!("running the example for callers in {name}"));
        let mut example = Running(example.env("PAYLINKS_SERVER", server).stdout(Stdio::piped()).spawn()?);
        let told = BufReader::new(example.0.stdout.take().context("it tells what it does")?);
        let mut last = String::new();
        for line in told.lines() {
            last = line?;
            if let Some(url) = last.strip_prefix("pay at ") {
                let mut pay = repo::command(programs.join("python3"));
                let pay = pay.arg("-B").arg(scripts.join("pay.py")).arg(format!("http://127.0.0.1:{sandbox}")).arg(url);
                repo::run(pay)?;
            }
        }
        let status = example.0.wait()?;
        if !status.success() || !last.ends_with("is paid: 160875 minor units of SEK") {
            bail!("the example in {name} ended with {status}, and told at last: {last}");
        }
        Ok(())
    };

    let modules = fresh_directory("conformance/examples_python")?;
    let proto = repo::root().join("proto");
    let mut protoc = repo::command(programs.join("python3"));
    protoc.args(["-m", "grpc_tools.protoc", "-I"]).arg(&proto);
    for option in ["--python_out", "--grpc_python_out"] {
        protoc.arg(format!("{option}={}", modules.display()));
    }
    let files = std::fs::read_dir(proto.join("paylinks/v1"))?.map(|entry| Ok(entry?.path()));
    repo::run(protoc.args(files.collect::<Result<Vec<_>>>()?))?;
    let mut python = repo::command(programs.join("python3"));
    python.env("PYTHONPATH", &modules).arg("-B").arg(scripts.join("invoice_to_paid.py"));
    pays("Python", python, &address)?;

    let directory = node_packages(node, "examples_node", "conformance/examples_node")?;
    let mut types = node.command("node");
    types.arg("node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js");
    types.args(["--grpcLib=@grpc/grpc-js", "--longs=String", "--enums=String", "--defaults"]);
    types.args(["--importFileExtension=.js", "--outDir=types", "paylinks/v1/event_service.proto"]);
    types.arg(format!("--includeDirs={}", proto.display())).stdout(Stdio::null());
    repo::run(types.current_dir(&directory))?;
    repo::run(node.command("node").arg("node_modules/typescript/bin/tsc").current_dir(&directory))?;
    let mut script = node.command("node");
    script.arg("out/invoice_to_paid.js").arg(&proto).current_dir(&directory);
    pays("TypeScript", script, &address)?;

    let rust = example("invoice_to_paid")?;
    pays("Rust", repo::command(rust), &format!("http://{address}"))
}

/// Builds an example, with the features that all else has; answers where it is.
fn example(example: &str) -> Result<PathBuf> {
    repo::run(repo::cargo().args(["build", "--locked", "--workspace", "--example", example]))?;
    Ok(repo::target().join("debug/examples").join(example))
}

/// A sandbox of its own, since its clock never goes back; and its address.
fn sandbox() -> Result<(Running, String)> {
    let port = repo::free_port()?;
    let mut sandbox = repo::command(binary());
    sandbox.args(["sandbox", "--listen", &format!("127.0.0.1:{port}")]);
    let sandbox = Running(sandbox.spawn()?);
    wait_for(port)?;
    Ok((sandbox, format!("http://127.0.0.1:{port}")))
}

/// The SDK for Python, with a check of each operation that the sandbox serves.
fn stripe_python(programs: &Path) -> Result<()> {
    let (_sandbox, address) = sandbox()?;
    repo::say("holding the sandbox to Stripe's SDK for Python");
    let scripts = repo::root().join("xtask/conformance/stripe_python");
    let table = repo::root().join("crates/stripe-sandbox/data/params.json");
    // -B: nothing compiled is left among the scripts.
    repo::run(repo::command(programs.join("python3")).arg("-B").arg(scripts).arg(address).arg(table))
}

/// The SDK for Node, whose types the requests are held to as well.
fn stripe_node(node: &Node) -> Result<()> {
    let directory = node_packages(node, "stripe_node", "conformance/node")?;
    repo::run(node.command("node").arg("node_modules/typescript/bin/tsc").current_dir(&directory))?;
    let (_sandbox, address) = sandbox()?;
    repo::say("holding the sandbox to Stripe's SDK for Node");
    repo::run(node.command("node").args(["out/main.js", &address]).current_dir(&directory))
}

/// Tax ids and standard rates as our own code tells them, held to packages that tell them too.
fn tax_data(programs: &Path, node: &Node) -> Result<()> {
    let directory = node_packages(node, "tax_node", "conformance/tax_node")?;
    let script = |name: &str| {
        let mut command = repo::command(programs.join("python3"));
        command.arg("-B").arg(repo::root().join("xtask/conformance/tax_python").join(name));
        command
    };
    let check_tax_ids = example("check_tax_ids")?;
    repo::say("holding tax ids to python-stdnum");
    repo::run(script("tax_ids.py").arg(check_tax_ids))?;
    let print_rates = example("print_rates")?;
    repo::say("holding standard rates to eu-vat-rates-data and sales-tax");
    let sales_tax = directory.join("node_modules/sales-tax/res/sales_tax_rates.json");
    repo::run(script("rates.py").arg(print_rates).arg(sales_tax))
}

/// The scripts of this name with what their lock file names installed beside them; answers where they are.
fn node_packages(node: &Node, scripts: &str, below_target: &str) -> Result<PathBuf> {
    let directory = repo::target().join(below_target);
    copy_scripts(&repo::root().join("xtask/conformance").join(scripts), &directory)?;
    let lock = std::fs::read_to_string(directory.join("package-lock.json"))?;
    let installed = directory.join("node_modules/.installed");
    if std::fs::read_to_string(&installed).unwrap_or_default() != lock {
        let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
        repo::run(node.command("npm").args(options).current_dir(&directory))?;
        std::fs::write(&installed, &lock)?;
    }
    Ok(directory)
}

/// The scripts, beside what is installed for them: nothing is installed in the repository. What was there is removed.
fn copy_scripts(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(to)? {
        let path = entry?.path();
        if path.is_file() {
            std::fs::remove_file(path)?;
        } else if path.file_name().is_some_and(|name| name == "out") {
            std::fs::remove_dir_all(path)?;
        }
    }
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Schemathesis against the JSON face: whatever it sends, each answer is one that `openapi.json` describes.
fn json_face(programs: &Path) -> Result<()> {
    let directory = fresh_directory("conformance/json")?;
    let config = directory.join("paylinks.toml");
    std::fs::write(&config, CONFIG)?;
    let port = repo::free_port()?;
    let paylinks = |arguments: &[&str]| {
        let mut command = program_in(&directory, [0, port, 0]);
        command.env("PAYLINKS_CONFIG", &config).args(arguments);
        command
    };
    let _server = Running(paylinks(&["serve"]).stdout(Stdio::null()).spawn()?);
    // It listens before its database is there, in which the key is made.
    wait_until(|| is_ready(port))?;
    let told = repo::output(&mut paylinks(&["keys", "create", "--name", "schemathesis", "--scope", "write"]))?;
    let token = told.lines().find_map(|line| line.strip_prefix("token ")).context("no token was told")?.trim();
    let mut schemathesis = repo::command(programs.join("schemathesis"));
    schemathesis.arg("--config-file").arg(repo::root().join("xtask/conformance/schemathesis.toml"));
    schemathesis.args(["run", &format!("http://127.0.0.1:{port}/openapi.json"), "--checks", "all"]);
    // Both ways to present the key, since it would make up the one that is not given.
    schemathesis.args(["-H", &format!("X-API-Key: {token}"), "-H", &format!("Authorization: Bearer {token}")]);
    // What it keeps between runs goes with the directory.
    repo::run(schemathesis.current_dir(&directory))
}

/// The program, with its files in that directory, and gRPC, HTTP and the sandbox on these ports of loopback.
fn program_in(directory: &Path, ports: [u16; 3]) -> Command {
    let mut command = repo::command(binary());
    // Nothing of the caller's own settings.
    let settings = ["DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "PAYLINKS_CONFIG"];
    for name in settings {
        command.env_remove(name);
    }
    for (name, port) in ["GRPC", "HTTP", "SANDBOX"].iter().zip(ports) {
        command.env(format!("PAYLINKS_{name}_LISTEN"), format!("127.0.0.1:{port}"));
    }
    command.env("PAYLINKS_DATA_DIR", directory).env("PAYLINKS_LOG", "error");
    command
}

/// An empty directory below the target.
fn fresh_directory(name: &str) -> Result<PathBuf> {
    let directory = repo::target().join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory)?;
    }
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}

fn binary() -> PathBuf {
    repo::target().join("debug/paylinks")
}

/// Waits until something listens.
fn wait_for(port: u16) -> Result<()> {
    wait_until(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// Whether the server whose HTTP port that is says that it serves.
fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        BufReader::new(connection).read_line(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(" 200 "))
}

fn wait_until(is_so: impl Fn() -> bool) -> Result<()> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > PATIENCE {
            bail!("the server did not answer in time");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
