//! The pages of a real collector in a real browser, with and without JavaScript, wide and narrow.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::binaries::{self, repository_file};
use crate::needs;

/// A collector that ends with the test.
struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn readers_find_what_happened_whatever_their_browser() {
    let test = "pages::readers_find_what_happened_whatever_their_browser";
    let browser = repository_file("tests/it/browser");
    let driver = browser.join("node_modules/playwright-core");
    if !needs::program(test, "node", "Debian: nodejs")
        || !needs::program(test, "chromium", "Debian: chromium")
        || !needs::folder(test, &driver, "npm ci in tests/it/browser")
    {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut serve = binaries::command("kedergi-collector");
    serve.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path().join("data"));
    let mut collector = Collector(serve.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(collector.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url =
        lines.find_map(|line| line.find("http://").map(|at| line[at..].trim_end().to_owned())).expect("an address");
    // Nobody else reads what it prints later.
    std::thread::spawn(move || lines.for_each(drop));
    replay(&url, folder.path());
    run(Command::new("node").arg("pages.mjs").arg(&url).arg(folder.path().join("pictures")).current_dir(&browser));
}

fn replay(url: &str, folder: &std::path::Path) {
    let invite = |role: &str| {
        let mut invite = binaries::command("kedergi-collector");
        invite.args(["invite", "--vouched", "--uses", "200", "--role", role, "--data-dir"]).arg(folder.join("data"));
        String::from_utf8(invite.output().unwrap().stdout).unwrap().trim().to_owned()
    };
    let (probes, controls) = (invite("probe"), invite("control"));
    let mut replay = binaries::command("kedergi-collector");
    replay.args(["replay", "kz-2019-05-09", "--exit-on-mismatch", "--collector", url]);
    run(replay.args(["--invite", &probes, "--control-invite", &controls]));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let (said, logged) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{said}\n{logged}");
}
