use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("collector.toml"))
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

const EVERY_KEY: &str = r#"
listen = "0.0.0.0:443"
data_dir = "/var/lib/kedergi-collector"
trusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1"]
asn_database = "/usr/share/asn.mmdb"
country_database = "/usr/share/country.mmdb"
targets = "/etc/kedergi/targets.toml"
public_url = "https://collector.example/"
metrics_listen = "127.0.0.1:7081"

[tls]
certificate = "/etc/kedergi/fullchain.pem"
key = "/etc/kedergi/key.pem"

[alerts]
stdout = false

[[alerts.webhooks]]
url = "https://receiver.example/hook"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

[[canaries]]
url = "https://canary.example/"
answers = false
"#;

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("").unwrap(), Config::default());
    assert_eq!(Config::load(None).unwrap().listen.to_string(), "127.0.0.1:7080");
}

#[test]
fn every_key_is_known() {
    let config = parse(EVERY_KEY).unwrap();
    assert!(config.trusted_proxies[1].contains("::ffff:10.1.2.3".parse().unwrap()));
    assert!(!config.trusted_proxies[0].contains("127.0.0.2".parse().unwrap()));
    assert_eq!(config.alerts.webhooks.len(), 1);
}

#[test]
fn an_unknown_key_is_named_with_the_nearest() {
    assert_eq!(
        error("data_dir = \"x\"\nlissten = \"127.0.0.1:1\"\n"),
        "collector.toml:2: unknown key \"lissten\", did you mean \"listen\"?"
    );
    assert_eq!(
        error("[tls]\ncertifcate = \"a\"\nkey = \"b\"\n"),
        "collector.toml:2: unknown key \"certifcate\", did you mean \"certificate\"?"
    );
    assert_eq!(
        error("[[alerts.webhooks]]\nurl = \"https://a.example\"\nsecrets = \"b\"\n"),
        "collector.toml:3: unknown key \"secrets\", did you mean \"secret\"?"
    );
    assert_eq!(error("[tls]\nxyz = 1\n"), "collector.toml:2: unknown key \"xyz\"; there are certificate, key");
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    let wrong = error("\ntrusted_proxies = [\"localhost\"]\n");
    assert!(wrong.starts_with("collector.toml:2: ") && wrong.contains("\"localhost\" is neither"), "{wrong}");
    assert!(error("listen = 7080\n").starts_with("collector.toml:1: "), "{}", error("listen = 7080\n"));
    assert!(error("listen = \n").starts_with("collector.toml:1: "));
}

#[test]
fn what_is_unwise_is_said() {
    let warnings = parse("listen = \"0.0.0.0:80\"\ntrusted_proxies = [\"0.0.0.0/0\"]\n").unwrap().check();
    for part in ["no tls", "asn_database", "metrics_listen", "trusted_proxies"] {
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{part}: {warnings:?}");
    }
    let warnings = parse(EVERY_KEY).unwrap().check();
    assert!(warnings.iter().any(|warning| warning.contains("tls.key: /etc/kedergi/key.pem is not there")));
    assert!(!warnings.iter().any(|warning| warning.contains("whsec_")));
}
