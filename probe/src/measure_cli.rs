//! `kedergi-probe measure`: measure now, judge, print.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use kedergi_verdict::{Evidence, How, Trigger, Verdict, Why, control_entry, judge, slowness};
use kedergi_wire::{Altered, ControlEntry, ControlSnapshot, Known, Report, Source, TargetList, TargetUrl, Vantage};
use serde::Serialize;

use crate::command::{Failed, print};
use crate::{Config, MeasureArgs, Measurer, measure_run, ooni};

mod services;

/// What `--json` prints of one target.
#[derive(Serialize)]
struct JsonLine<'a> {
    target: &'a TargetUrl,
    outcome: &'static str,
    how: Option<How>,
    why: Option<Why>,
    hindered: &'a [How],
    #[serde(skip_serializing_if = "Option::is_none")]
    quic_trigger: Option<Trigger>,
    trigger: Option<Trigger>,
    experiments: &'a [Altered],
    rule: &'a str,
    evidence: &'a [Evidence],
    report: &'a Report,
}

/// The URLs as targets, or the first that is none.
pub(crate) fn targets(urls: &[String]) -> Result<Vec<TargetUrl>, Failed> {
    let target =
        |url: &String| url.parse().map_err(|error| Failed::usage(format!("{url:?} cannot be measured: {error}")));
    urls.iter().map(target).collect()
}

/// Reads what another probe saw.
pub(crate) fn control(path: &Path) -> Result<ControlSnapshot, Failed> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failed::config(format!("the control file {} cannot be used: {error}", path.display()))
    };
    let bytes = fs::read(path).map_err(|error| wrong(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(&error))
}

/// Measures and prints; whatever the verdicts are, it succeeds.
pub(crate) async fn measure(args: &MeasureArgs, config: &Config) -> Result<(), Failed> {
    let mut targets = targets(&args.urls)?;
    if args.ooni && targets.iter().any(TargetUrl::is_tcp) {
        return Err(Failed::usage("OONI's web_connectivity knows no tcp targets; leave them out or --ooni".to_owned()));
    }
    let list = args.list.as_deref().map(services::list).transpose()?;
    for target in list.iter().flat_map(TargetList::all) {
        if !targets.contains(&target.url) {
            targets.push(target.url.clone());
        }
    }
    let control = args.control.as_deref().map(control).transpose()?;
    let tools = Measurer::new(config).map_err(|error| Failed::config(error.to_string()))?.by_hand();
    let vantage = vantage(config);
    let compared = if args.pairs { targets.iter().cloned().collect() } else { BTreeSet::new() };
    let reports = measure_run(&tools, &targets, control.as_ref(), &compared, vantage, None, 1).await;
    let text = if args.as_control {
        snapshot(&reports)?
    } else {
        let judged = reports.iter().map(|report| {
            let control = control.as_ref().and_then(|control| control.entry(&report.target));
            Judged { report, verdict: judge(report, control), control }
        });
        let judged: Vec<_> = judged.collect();
        let of_services = list.as_ref().map(|list| services::judged(list, &judged)).unwrap_or_default();
        match args {
            MeasureArgs { ooni: true, .. } => ooni_lines(&judged)?,
            MeasureArgs { json: true, .. } => json_lines(&judged)? + &services::json_lines(&of_services)?,
            MeasureArgs { .. } => table(&judged) + &services::table(&of_services),
        }
    };
    print(&text)
}

/// A report, what it means, and against what it was judged.
struct Judged<'a> {
    report: &'a Report,
    verdict: Verdict,
    control: Option<&'a ControlEntry>,
}

/// Where the volunteer says that the probe stands.
pub(crate) fn vantage(config: &Config) -> Vantage {
    fn told<T>(value: T) -> Known<T> {
        Known { value, source: Source::Config }
    }
    Vantage { network: config.network.map(told), country: config.country.map(told), resolver: None, tunnel: false }
}

fn snapshot(reports: &[Report]) -> Result<String, Failed> {
    let mut entries: Vec<_> = reports.iter().map(control_entry).collect();
    entries.sort_by(|a, b| a.target.cmp(&b.target));
    entries.dedup_by(|a, b| a.target == b.target);
    let snapshot = ControlSnapshot { made: Timestamp::now(), entries };
    let text = serde_json::to_string_pretty(&snapshot).map_err(Failed::runtime)?;
    Ok(text + "\n")
}

fn ooni_lines(judged: &[Judged<'_>]) -> Result<String, Failed> {
    let mut text = String::new();
    for Judged { report, verdict, control } in judged {
        text += &serde_json::to_string(&ooni::measurement(report, verdict, *control)).map_err(Failed::runtime)?;
        text.push('\n');
    }
    Ok(text)
}

fn json_lines(judged: &[Judged<'_>]) -> Result<String, Failed> {
    let mut text = String::new();
    for Judged { report, verdict, .. } in judged {
        let line = JsonLine {
            target: &report.target,
            outcome: verdict.outcome.word(),
            how: verdict.outcome.how(),
            why: verdict.outcome.why(),
            hindered: &verdict.hindered,
            quic_trigger: verdict.quic_trigger,
            trigger: verdict.trigger,
            experiments: &verdict.experiments,
            rule: verdict.rule.as_str(),
            evidence: &verdict.evidence,
            report,
        };
        text += &serde_json::to_string(&line).map_err(Failed::runtime)?;
        text.push('\n');
    }
    Ok(text)
}

fn table(judged: &[Judged<'_>]) -> String {
    let rows: Vec<[String; 6]> = judged.iter().map(|judged| row(judged.report, &judged.verdict)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (target, outcome, manner) = (width(0), width(1), width(2));
    let mut text = String::new();
    for [url, word, how, rule, says, speed] in &rows {
        let line = format!("{url:target$}  {word:outcome$}  {how:manner$}  rule {rule}");
        text += &line;
        text += "\n    ";
        text += says;
        text.push('\n');
        text += speed;
    }
    text
}

fn row(report: &Report, verdict: &Verdict) -> [String; 6] {
    let how = verdict.outcome.how().map(|how| how.to_string());
    let why = verdict.outcome.why().map(|why| why.to_string());
    let hindered = verdict.hindered.iter().map(|how| format!("hindered {how}"));
    let manner: Vec<_> = how.or(why).into_iter().chain(hindered).collect();
    let says = verdict.evidence.first().map(|evidence| evidence.says.clone());
    [
        report.target.to_string(),
        verdict.outcome.word().to_owned(),
        manner.join(", "),
        verdict.rule.to_string(),
        says.unwrap_or_else(|| "No single observation stands out.".to_owned()),
        speed(report).map(|text| format!("    {text}\n")).unwrap_or_default(),
    ]
}

/// What its pairs say, and how the line was.
fn speed(report: &Report) -> Option<String> {
    let times = 10f64.powf(f64::from(slowness(report)?) / 1000.0);
    let count = report.pairs.len();
    let rate = report.line.rate_kbit_s.map(|rate| format!("; the line gave {rate} kbit/s")).unwrap_or_default();
    Some(format!("It took {times:.1} times as long as what it was compared with (pairs: {count}){rate}."))
}

#[cfg(test)]
mod tests;
