use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("probe.toml"))
}

fn message(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(parse("").unwrap(), Config::default());
}

#[test]
fn the_default_survives_its_own_text() {
    let config = Config { network: Asn::new(64501), country: "KZ".parse().ok(), ..Config::default() };
    assert_eq!(parse(&toml::to_string(&config).unwrap()).unwrap(), config);
}

#[test]
fn the_list_of_keys_is_the_structs_own() {
    let full = Config {
        extra_roots: Some("roots.pem".into()),
        network: Asn::new(1),
        country: "KZ".parse().ok(),
        ..Config::default()
    };
    let table = toml::Table::try_from(&full).unwrap();
    let mut written: Vec<&str> = table.keys().map(String::as_str).collect();
    let mut listed = KEYS.to_vec();
    written.sort_unstable();
    listed.sort_unstable();
    assert_eq!(written, listed);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    let text = "interval_s = 60\n\ncolectors = []\n";
    assert_eq!(message(text), r#"probe.toml, line 3: there is no key "colectors", did you mean "collectors"?"#);
    let nested = "[[doh_resolvers]]\nurl = \"https://a.example/\"\nbootstap = \"9.9.9.9\"\n";
    assert_eq!(message(nested), r#"probe.toml, line 3: there is no key "bootstap", did you mean "bootstrap"?"#);
}

#[test]
fn a_key_like_no_other_gets_the_list() {
    assert!(message("zzz = 1").contains("there are data_dir, collectors"));
}

#[test]
fn a_wrong_value_is_named_with_its_line() {
    assert!(message("concurrency = 4\ninterval_s = \"often\"").starts_with("probe.toml, line 2: invalid type"));
    assert!(message("concurrency = ").starts_with("probe.toml, line 1:"));
    assert!(
        message("[[control_hosts]]\nname = \"a.example\"\nadress = \"192.0.2.1\"").contains("did you mean \"address\"")
    );
    assert!(message("skip_categories = [\"sports\"]").contains("unknown variant `sports`"));
    assert!(message("public_resolvers = [\"dns.example\"]").contains("is not an IP address"));
}

#[test]
fn what_no_probe_can_work_with_is_refused() {
    assert!(message("concurrency = 0").contains("concurrency is 0"));
    assert!(message("interval_s = 0").contains("interval_s is 0"));
    assert!(message("collectors = [\"ftp://a.example\"]").contains("neither http nor https"));
    let plain = "[[doh_resolvers]]\nurl = \"http://a.example/\"\nbootstrap = \"9.9.9.9\"\n";
    assert!(message(plain).contains("is not an https URL"));
}

#[test]
fn addresses_have_the_usual_ports() {
    let text = "public_resolvers = [\"9.9.9.9\", \"[2620:fe::fe]:5353\"]\n\
                [[doh_resolvers]]\nurl = \"https://a.example:8443/dns-query\"\nbootstrap = \"2620:fe::fe\"\n";
    let config = parse(text).unwrap();
    assert_eq!(config.public_resolvers[0].port(), 53);
    assert_eq!(config.public_resolvers[1].port(), 5353);
    assert_eq!(config.doh_resolvers[0].bootstrap, "[2620:fe::fe]:8443".parse().unwrap());
}

#[test]
fn unwise_values_are_warned_of() {
    let wise = "collectors = [\"https://collector.example\"]\ndata_dir = \"/var/lib/kedergi-probe\"";
    assert_eq!(parse(wise).unwrap().check(), Vec::<String>::new());
    let unwise = "interval_s = 5\ncollectors = [\"http://collector.example\"]\nconcurrency = 100\ndata_dir = \"here\"";
    assert_eq!(parse(unwise).unwrap().check().len(), 4);
    let many = "public_resolvers = [\"9.9.9.9\", \"1.1.1.1\", \"8.8.8.8\", \"8.8.4.4\", \"9.9.9.10\"]";
    assert!(parse(many).unwrap().check().iter().any(|warning| warning.contains("more than 4 resolvers")));
    assert_eq!(parse("collectors = [\"http://127.0.0.1:8080\"]\ndata_dir = \"/d\"").unwrap().check().len(), 0);
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let error = Config::load(Some(Path::new("no/such/file.toml"))).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the configuration no/such/file.toml"));
}

#[test]
fn the_manuals_sample_and_table_are_true() {
    let manual = include_str!("../../README.md");
    let sample = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(parse(sample).is_ok());
    for key in KEYS {
        assert!(manual.contains(&format!("| `{key}` |")), "the manual does not explain {key}");
    }
}
