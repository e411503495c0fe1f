//! `kedergi-probe locate` in the lab: the real probe, real hellos with short lives, the lab's routers that complain of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use kedergi_lab::{Isp, Lab, ProbeSettings, Scene, command, in_lab, plan};
use mmdb_writer::{Value, Writer, ipnet::IpNet};
use serde_json::{Value as Json, json};

use crate::binaries;

const SCENE: &str = r#"
    title = "Censors of every kind at the border, and a site in peace"
    [[sites]]
    name = "news.example"
    addresses = ["45.80.10.10"]
    [[sites]]
    name = "social.example"
    addresses = ["45.80.10.11"]
    [[sites]]
    name = "page.example"
    addresses = ["45.80.10.12"]
    http = "page"
    [[sites]]
    name = "weather.example"
    addresses = ["45.80.10.13"]
    [[sites]]
    name = "both.example"
    addresses = ["45.80.10.15", "2a0e:8f00::15"]
    [[sites]]
    name = "dropped.example"
    addresses = ["45.80.10.14"]
    [isp-a]
    rules = [
        { do = "tls-reset", name = "news.example" },
        { do = "tls-silence", name = "social.example" },
        { do = "tls-reset", name = "both.example" },
        { do = "http-block-page", host = "page.example" },
        { do = "drop-address", address = "45.80.10.14" },
    ]
    [[targets]]
    url = "https://weather.example/"
    expect = { isp-a = "reachable", isp-b = "reachable" }
"#;

/// A target that is located over IPv6.
const OVER_IPV6: &str = "https://both.example/";

/// A database that knows one network: that of ISP A over IPv4.
fn networks(folder: &Path) -> PathBuf {
    let mut writer = Writer::builder("Networks").build();
    let record = Value::map([("autonomous_system_number", Value::from(64_501_u32))]);
    writer.insert_value("10.1.0.0/16".parse::<IpNet>().unwrap(), record).unwrap();
    let file = folder.join("networks.mmdb");
    fs::write(&file, writer.to_bytes().unwrap()).unwrap();
    file
}

/// For a probe that hangs; silence at every router of the way takes a quarter of it.
const PATIENCE: Duration = Duration::from_secs(180);

fn locate(lab: &Lab, config: &Path, url: &str, options: &[&str]) -> Json {
    let host = plan::probe(Isp::A, 1);
    let name: String = url.chars().filter(char::is_ascii_alphanumeric).collect();
    let output = lab.host_folder(&host).unwrap().join(format!("{name}.json"));
    let mut probe = command(binaries::folder().join("kedergi-probe"));
    probe.args(["locate", "--json", url]).args(options).arg("--config").arg(config);
    probe.stdin(Stdio::null()).stdout(fs::File::create(&output).unwrap());
    let status = lab.spawn(&host, probe).unwrap().wait_within(PATIENCE).unwrap();
    assert!(status.success(), "{url}: {status}");
    let said = fs::read_to_string(&output).unwrap();
    println!("{url}: {said}");
    serde_json::from_str(&said).unwrap()
}

#[test]
fn the_border_is_found_and_a_site_in_peace_is_left_so() {
    in_lab("locate::the_border_is_found_and_a_site_in_peace_is_left_so", || {
        let lab = Lab::start(&Scene::parse(SCENE).unwrap()).unwrap();
        let wanted = [
            ("https://news.example/", json!({ "finding": "on-the-way", "after": 1, "hop": 2, "reply": "reset" })),
            ("https://social.example/", json!({ "finding": "on-the-way", "after": 1, "hop": 2, "reply": "silence" })),
            ("http://page.example/", json!({ "finding": "on-the-way", "after": 1, "hop": 2, "reply": "answer" })),
            (OVER_IPV6, json!({ "finding": "on-the-way", "after": 1, "hop": 2, "reply": "reset" })),
            ("https://weather.example/", json!({ "finding": "nothing" })),
            ("https://dropped.example/", json!({ "finding": "not-the-name" })),
        ];
        let networks = networks(&lab.host_folder(&plan::probe(Isp::A, 1)).unwrap());
        let networks = networks.to_str().unwrap();
        let config = lab.probe_config(&plan::probe(Isp::A, 1), &ProbeSettings::default()).unwrap();
        thread::scope(|scope| {
            for (url, wanted) in &wanted {
                let (lab, config) = (&lab, &config);
                scope.spawn(move || {
                    let six = *url == OVER_IPV6;
                    let family: &[&str] = if six { &["--ipv6"] } else { &[] };
                    let said = locate(lab, config, url, &[family, &["--networks", networks]].concat());
                    for (key, value) in wanted.as_object().unwrap() {
                        assert_eq!(said.get(key), Some(value), "{url}: {said}");
                    }
                    if wanted.get("hop").is_some() {
                        let routers: Vec<_> = (0..2).map(|at| &said["places"][at]["router"]).collect();
                        let own = if six { ["2a0e:97c0:1::1", "2a0e:97c0:1::fe"] } else { ["10.1.0.1", "10.1.0.254"] };
                        assert_eq!(routers, own, "{url}");
                        // The database knows nothing of IPv6.
                        let network = if six { Json::Null } else { 64_501.into() };
                        assert_eq!(said["places"][1]["network"], network, "{url}");
                        assert_eq!(said["says"].as_str().unwrap().contains("(10.1.0.254, AS64501)"), !six, "{said}");
                    }
                });
            }
        });
    });
}
