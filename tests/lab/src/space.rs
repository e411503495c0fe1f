//! Whether this process may build a lab, and how it gets there: as root, or as root of a user namespace of its own.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, unshare};

/// Set for a process that was started again in a user namespace, so that it does not try a second time.
const INSIDE: &str = "KEDERGI_LAB_INSIDE";
/// Set where a test that cannot run is a failure.
const ALL: &str = "KEDERGI_TEST_ALL";
/// Names the file in which skipped tests are noted, for who runs them all and counts.
const NOTES: &str = "KEDERGI_SKIPPED";
/// Programs that a lab runs.
const PROGRAMS: [&str; 5] = ["ip", "setpriv", "nginx", "unbound", "faketime"];

/// Whether this process can build a lab, at once or after [`enter`]; if not, why and what to do.
pub fn availability() -> Result<(), String> {
    if let Some(missing) = PROGRAMS.into_iter().find(|program| find(program).is_none()) {
        return Err(format!(
            "{missing} is not installed (Debian: apt-get install iproute2 util-linux nginx-light unbound faketime)"
        ));
    }
    OpenOptions::new().read(true).write(true).open("/dev/net/tun").map_err(|error| {
        format!("/dev/net/tun cannot be opened: {error}; load the module tun or allow access to it")
    })?;
    if can_unshare() || new_user_namespace_works() {
        return Ok(());
    }
    Err("network namespaces need root, or user namespaces that are allowed to everybody \
         (sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)"
        .to_owned())
}

/// Whether this very process may make network namespaces.
fn can_unshare() -> bool {
    let tried = thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET).is_ok()).join();
    tried.unwrap_or(false)
}

fn new_user_namespace_works() -> bool {
    env::var_os(INSIDE).is_none()
        && unshared("true").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs a program as root of a new user namespace with a network of its own.
fn unshared(program: impl Into<OsString>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net", "--"]).arg(program.into()).env(INSIDE, "1");
    command
}

/// Where a program is, in the usual places as well: a user's PATH often lacks the sbin folders.
pub(crate) fn find(program: &str) -> Option<std::path::PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(|folder| Path::new(folder).to_owned());
    env::split_paths(&path).chain(usual).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Makes sure that this process may build a lab. Without root it starts itself again, with the same arguments, in a user
/// namespace, and returns only if that fails. For the start of `main`.
pub fn enter() -> Result<(), String> {
    availability()?;
    if can_unshare() {
        return Ok(());
    }
    let own = env::current_exe().map_err(|error| format!("cannot find this program's own file: {error}"))?;
    let error: io::Error = unshared(own).args(env::args_os().skip(1)).exec();
    Err(format!("cannot start again in a user namespace: {error}"))
}

/// The body of a test that holds a lab. `name` is the test's full name, as `cargo test -- --list` prints it.
///
/// Where this process may build a lab, `body` runs at once. Without root the test alone is run again, in a user namespace.
/// Where neither works it prints `SKIPPED` and why, or panics if `KEDERGI_TEST_ALL=1`.
///
/// # Panics
/// If `body` does, in this process or the other one.
pub fn in_lab(name: &str, body: impl FnOnce()) {
    if let Err(reason) = availability() {
        return skipped(name, &reason);
    }
    if can_unshare() {
        return body();
    }
    let own = env::current_exe().unwrap_or_else(|error| panic!("cannot find the test's own file: {error}"));
    // It dies with this process, whatever ends it.
    let mut again = unshared("setpriv");
    again.args(["--pdeathsig", "KILL", "--"]).arg(own).args(["--exact", name, "--nocapture"]);
    let status = again.status();
    assert!(status.is_ok_and(|status| status.success()), "{name} failed in its user namespace; see above");
}

/// Notes that a test did not run, and why.
///
/// # Panics
/// If `KEDERGI_TEST_ALL=1`: then a test that cannot run has failed.
pub fn skipped(name: &str, reason: &str) {
    assert!(env::var_os(ALL).is_none_or(|value| value != "1"), "{name} cannot run: {reason}");
    println!("SKIPPED {name}: {reason}");
    let notes = env::var_os(NOTES).and_then(|path| OpenOptions::new().append(true).create(true).open(path).ok());
    if let Some(mut notes) = notes {
        // Who counts then sees one fewer; the line above still says it.
        let _ = writeln!(notes, "{name}: {reason}");
    }
}
