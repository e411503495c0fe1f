//! What an operator installs: samples, units, container recipe. Each is read by what will read it in the field, or
//! checked for what matters.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::binaries::{command, repository_file};

const PROGRAMS: [(&str, &str); 2] = [("kedergi-probe", "probe"), ("kedergi-collector", "collector")];

fn read(name: &str) -> String {
    fs::read_to_string(repository_file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a configuration with the program it is for. Files it names in `/etc/kedergi` are looked for in a folder of the
/// test's own, where there is a root certificate.
fn check_config(program: &str, text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sample.toml");
    fs::write(&file, text.replace("/etc/kedergi", &folder.path().display().to_string())).unwrap();
    let root = rcgen::generate_simple_self_signed(["root.example".to_owned()]).unwrap();
    fs::write(folder.path().join("roots.pem"), root.cert.pem()).unwrap();
    let output = command(program).args(["check-config", "--config"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn sample_configurations_are_read_as_they_are() {
    for (program, name) in PROGRAMS {
        check_config(program, &read(&format!("deploy/{name}.toml")));
    }
}

#[test]
fn every_line_a_sample_offers_is_a_valid_one() {
    for (program, name) in PROGRAMS {
        let sample = read(&format!("deploy/{name}.toml"));
        // Prose begins with "# ", an offered key with "#key".
        let offered: Vec<_> =
            sample.lines().map(|line| line.strip_prefix('#').filter(|l| !l.starts_with(' '))).collect();
        assert!(offered.iter().flatten().count() >= 5, "{name}.toml offers hardly any key");
        let lines = sample.lines().zip(&offered).map(|(line, offer)| offer.unwrap_or(line));
        check_config(program, &lines.collect::<Vec<_>>().join("\n"));
    }
}

/// Keys of a unit with all their values, sections ignored.
fn unit(name: &str) -> BTreeMap<String, Vec<String>> {
    let mut keys = BTreeMap::<String, Vec<String>>::new();
    for line in read(&format!("deploy/systemd/{name}.service")).lines().filter(|line| !line.starts_with(['#', '['])) {
        if let Some((key, value)) = line.split_once('=') {
            keys.entry(key.to_owned()).or_default().push(value.to_owned());
        }
    }
    keys
}

#[test]
fn units_start_what_exists() {
    for (program, _) in PROGRAMS {
        let unit = unit(program);
        let start: Vec<_> = unit["ExecStart"][0].split(' ').collect();
        assert_eq!(start[0], format!("/usr/bin/{program}"));
        let help = command(program).args([start[1], "--help"]).output().unwrap();
        assert!(help.status.success(), "{program} has no verb {}", start[1]);
        assert!(String::from_utf8_lossy(&help.stdout).contains(start[2]), "{program} {} has no {}", start[1], start[2]);
    }
}

#[test]
fn units_are_hardened() {
    let required = [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictNamespaces", "yes"),
        ("SystemCallArchitectures", "native"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        // A core dump would hold the signing key.
        ("LimitCORE", "0"),
    ];
    for (program, _) in PROGRAMS {
        let unit = unit(program);
        for (key, value) in required {
            assert_eq!(unit.get(key).map(|values| values[0].as_str()), Some(value), "{program}.service: {key}");
        }
        assert!(
            unit["SystemCallFilter"].contains(&"@system-service".to_owned()),
            "{program}.service: SystemCallFilter"
        );
    }
}

#[test]
fn systemd_finds_the_units_hardly_exposed() {
    for (program, _) in PROGRAMS {
        let file = repository_file(&format!("deploy/systemd/{program}.service"));
        let analyze =
            Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=20"]).arg(&file).output();
        let Ok(output) = analyze else {
            return kedergi_lab::skipped(
                "deploy::systemd_finds_the_units_hardly_exposed",
                "systemd-analyze is missing",
            );
        };
        // Above the threshold (20 of 100, shown as 2.0) the command fails.
        assert!(output.status.success(), "{program}.service: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_container_runs_as_nobody_and_starts_what_exists() {
    let recipe = read("deploy/container/Containerfile").replace("\\\n", " ");
    let instruction = |name: &str| {
        let mut lines = recipe.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        lines.next_back().unwrap_or_else(|| panic!("no {name}")).trim().to_owned()
    };
    let user = instruction("USER");
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)), "USER {user} is not a number above 0");
    assert_eq!(instruction("ENTRYPOINT"), r#"["/usr/bin/kedergi"]"#);
    assert!(
        recipe.contains("COPY --from=build /program /usr/bin/kedergi"),
        "what the entry point starts is not copied"
    );
    assert!(recipe.contains("cargo build --locked"), "the build must use Cargo.lock");
    let port = instruction("EXPOSE");
    let help = command("kedergi-collector").args(["serve", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains(&format!(":{port}")), "port {port} is not the default");
}
