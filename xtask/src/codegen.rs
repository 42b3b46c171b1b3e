//! Generates `crates/api-proto/src/generated/` from `proto/`, without any tool from outside of cargo.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use prost::Message;
use prost_types::{FileDescriptorProto, SourceCodeInfo};

use crate::repo;

/// Generates into the tree; with `check`, only says whether what is there is fresh.
pub(crate) fn run(check: bool) -> Result<()> {
    let target = repo::root().join("crates/api-proto/src/generated");
    let scratch = repo::target().join("codegen");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    generate(&scratch)?;
    if !check {
        fs::create_dir_all(&target)?;
        for name in FILES {
            fs::copy(scratch.join(name), target.join(name))?;
        }
        return Ok(());
    }
    for name in FILES {
        let committed = fs::read(target.join(name)).with_context(|| format!("{name} is not committed"))?;
        if committed != fs::read(scratch.join(name))? {
            bail!("crates/api-proto/src/generated/{name} is stale: run `cargo xtask codegen`");
        }
    }
    Ok(())
}

/// Of what is known of the source, what is said of our own things: clients by reflection and the commands tell it.
fn keep_comments(file: &mut FileDescriptorProto) {
    let is_ours = file.package().starts_with("paylinks.");
    let Some(info) = file.source_code_info.take().filter(|_| is_ours) else { return };
    let location = info.location.into_iter().filter(|location| location.leading_comments.is_some());
    file.source_code_info = Some(SourceCodeInfo { location: location.collect() });
}

const FILES: [&str; 2] = ["paylinks.v1.rs", "paylinks.v1.bin"];

fn generate(into: &Path) -> Result<()> {
    let proto = repo::root().join("proto");
    let mut files: Vec<PathBuf> =
        fs::read_dir(proto.join("paylinks/v1"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "proto"));
    files.sort();
    let mut compiler = protox::Compiler::new([&proto])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let descriptors = compiler.file_descriptor_set();
    let mut commented = descriptors.clone();
    for file in &mut commented.file {
        keep_comments(file);
    }
    fs::write(into.join("paylinks.v1.bin"), commented.encode_to_vec())?;
    tonic_prost_build::configure()
        .out_dir(into)
        .btree_map(".")
        .codec_path("crate::codec::ProtoCodec")
        .client_mod_attribute(".", "#[cfg(feature = \"client\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .compile_fds(descriptors)?;
    repo::run(
        repo::command("rustfmt")
            .args(["--edition", "2024", "--config-path"])
            .arg(repo::root())
            .arg(into.join("paylinks.v1.rs")),
    )
}
