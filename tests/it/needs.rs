//! What some tests need of the machine. Where it is missing they say SKIPPED, or fail under `KEDERGI_TEST_ALL=1`.

use std::path::Path;
use std::process::{Command, Stdio};

/// A command that runs its arguments in a network of its own, with no link but its own loopback.
pub(crate) fn in_own_network() -> Command {
    let mut command = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--net", "--"]);
    command
}

/// Whether `test` can run in a network of its own; if not, it is noted as skipped.
pub(crate) fn own_network(test: &str) -> bool {
    let tried = in_own_network().args(["ip", "link"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let works = tried.is_ok_and(|status| status.success());
    if !works {
        kedergi_lab::skipped(test, "a network of its own needs root or user namespaces, and the program ip");
    }
    works
}

/// Whether a program is on this machine; if not, `test` is noted as skipped.
pub(crate) fn program(test: &str, name: &str, install: &str) -> bool {
    let tried = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if tried.is_err() {
        kedergi_lab::skipped(test, &format!("{name} is not installed ({install})"));
    }
    tried.is_ok()
}

/// Whether something that a test may not fetch itself has been installed; if not, `test` is noted as skipped.
pub(crate) fn folder(test: &str, path: &Path, install: &str) -> bool {
    if !path.is_dir() {
        kedergi_lab::skipped(test, &format!("{} is not there ({install})", path.display()));
    }
    path.is_dir()
}
