//! What must stay true of the repository itself.

mod architecture;
mod supply_chain;
mod tidy;

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand};

/// Root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(vec!["--locked".to_owned(), "--offline".to_owned()])
        .exec()
        .expect("cargo metadata")
}
