//! Every report keeps to the keys and types that OONI's specification names, noted in `keys.txt`.

use serde_json::Value;

use super::*;

/// One key a line: its path, then its type. `[]` goes through a list, `?` allows null.
const KEYS: &str = include_str!("keys.txt");

fn is(kind: &str, value: &Value) -> bool {
    let (kind, nullable) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
    let fits = |kind: &str| match kind {
        "string" => value.is_string(),
        "int" => value.is_i64() || value.is_u64(),
        "float" => value.is_f64(),
        "bool" => value.is_boolean(),
        "list" => value.is_array(),
        "map" => value.is_object(),
        "time" => value.as_str().is_some_and(is_time),
        "pairs" => {
            value.as_array().is_some_and(|list| list.iter().all(|pair| pair.as_array().map(Vec::len) == Some(2)))
        }
        word => value.as_str() == Some(word) || (word == "false" && value == false),
    };
    nullable && value.is_null() || kind.split('|').any(fits)
}

/// `2019-05-09 07:00:00`
fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00 00:00:00"
}

/// All values that a path leads to; `None` for a key that is missing.
fn at<'a>(value: &'a Value, path: &str) -> Vec<Option<&'a Value>> {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    let name = key.trim_end_matches("[]");
    let Some(found) = value.get(name) else { return vec![None] };
    let here: Vec<&Value> = if key.ends_with("[]") { found.as_array().unwrap().iter().collect() } else { vec![found] };
    if rest.is_empty() {
        return here.into_iter().map(Some).collect();
    }
    // A key below something that may be null is asked for only where there is something.
    here.into_iter().filter(|value| !value.is_null()).flat_map(|value| at(value, rest)).collect()
}

fn faults(measurement: &Value) -> Vec<String> {
    let rows = KEYS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rows = rows.map(|line| line.split_once(' ').unwrap());
    let wrong = |path: &str, kind: &str| {
        let values = at(measurement, path).into_iter();
        values.filter(|value| !value.is_some_and(|value| is(kind, value))).map(|value| format!("{value:?}")).next()
    };
    rows.filter_map(|(path, kind)| Some(format!("{path} is no {kind}: {}", wrong(path, kind.trim())?))).collect()
}

#[test]
fn every_report_has_the_keys_and_types_of_the_specification() {
    let others = [intercepted(), http_reset(), cut_line(), Example::new("http://45.80.1.1/")];
    let all = [reachable(), dns_blocked(), tcp_blocked(), tls_blocked(), block_page()].into_iter().chain(others);
    for example in all {
        let target = example.0.target.clone();
        let measurement = compared(example);
        assert_eq!(faults(&measurement), [] as [String; 0], "{target}: {measurement:#}");
    }
    assert_eq!(faults(&told(cut_line(), None)), [] as [String; 0]);
}

#[test]
fn a_wrong_measurement_is_noticed() {
    let mut measurement = compared(reachable());
    measurement["probe_asn"] = Value::Null;
    measurement["test_keys"]["requests"][0]["response"]["code"] = "200".into();
    measurement["test_keys"]["blocking"] = true.into();
    measurement["test_keys"].as_object_mut().unwrap().remove("retries");
    let paths: Vec<_> = faults(&measurement).iter().map(|fault| fault.split(' ').next().unwrap().to_owned()).collect();
    let keys = ["retries", "blocking", "requests[].response.code"].map(|key| format!("test_keys.{key}"));
    assert_eq!(paths, ["probe_asn", &keys[0], &keys[1], &keys[2]]);
}

#[test]
fn what_is_said_of_success_and_of_failure_agrees() {
    for measurement in [reachable(), tcp_blocked(), tls_blocked()].map(compared) {
        for entry in measurement["test_keys"]["tcp_connect"].as_array().unwrap() {
            assert_eq!(entry["status"]["success"] == true, entry["status"]["failure"].is_null(), "{entry:#}");
        }
    }
}
