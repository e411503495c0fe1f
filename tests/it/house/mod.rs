//! What must stay true of the repository itself.

mod architecture;
mod supply_chain;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

/// Root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// What is built for this machine's platform: that is on this machine, so nothing has to be fetched.
fn metadata() -> Metadata {
    let options = ["--locked", "--offline", "--filter-platform", &platform()].map(str::to_owned);
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(options.to_vec())
        .exec()
        .expect("cargo metadata")
}

fn platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc");
    let text = String::from_utf8(output.stdout).expect("rustc writes UTF-8");
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}
