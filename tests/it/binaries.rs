//! The real binaries, as `cargo xtask test` built them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Folder of the binaries: two above this test's own (`target/debug/deps/it-...`).
pub(crate) fn folder() -> PathBuf {
    let own = std::env::current_exe().expect("this test's own path");
    own.ancestors().nth(2).expect("a target folder").to_owned()
}

/// A command of ours. The environment of whoever runs the test does not reach it, but for what it needs to run at all.
pub(crate) fn command(name: &str) -> Command {
    let path = folder().join(name);
    assert!(path.exists(), "{name} is not built; `cargo xtask test` builds it first");
    let mut command = Command::new(path);
    command.env_clear();
    for kept in ["PATH", "LANG", "TMPDIR"] {
        command.envs(std::env::var_os(kept).map(|value| (kept, value)));
    }
    command
}

/// A file of the repository.
pub(crate) fn repository_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}
