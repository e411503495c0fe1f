//! What an obstacle reacts to, found by altering one thing at a time: the name, or the address.

use std::net::{IpAddr, SocketAddr};

use kedergi_verdict::strange_pages;
use kedergi_wire::{Altered, ControlEntry, Report, Step, TargetUrl, Trial};

use super::once_more::Place;
use super::watch::Watch;
use super::{Measurer, reach};
use crate::ControlHost;

/// Tries the address at which the target failed under a control host's name, and the control host under the target's name and
/// under its own: each as the target was tried, what fails (silence aside) once more. Without a control host nothing is tried, nor for a target that
/// is only an address.
pub(crate) async fn take_apart(tools: &Measurer, watch: &Watch, target: &TargetUrl, failed: IpAddr) -> Vec<Trial> {
    let Some(host) = tools.control_hosts.first().filter(|_| !target.is_tcp()) else { return Vec::new() };
    let elsewhere = elsewhere(host, target);
    let Some(own) = renamed(target, &host.name) else { return Vec::new() };
    let there = take(tools, watch, Altered::InnocentName, &own, SocketAddr::new(failed, target.port()));
    // In this order: some censors block for a while whatever was asked for by the wrong name.
    let at_the_host = async {
        let under_its_own = take(tools, watch, Altered::ControlHost, &own, elsewhere).await;
        [under_its_own, take(tools, watch, Altered::TargetNameElsewhere, target, elsewhere).await].concat()
    };
    let (there, at_the_host) = tokio::join!(there, at_the_host);
    [there, at_the_host].concat()
}

/// The same where a page came in the clear that stands in the site's place, and it was not taken apart before.
pub(crate) async fn take_page_apart(
    tools: &Measurer,
    watch: &Watch,
    report: &Report,
    known: Option<&ControlEntry>,
) -> Vec<Trial> {
    if report.target.is_https() || report.trials.iter().any(|trial| trial.altered == Altered::ControlHost) {
        return Vec::new();
    }
    let mut strange = strange_pages(report, known).into_iter().filter_map(|index| report.observations.get(index));
    let place = strange.find_map(|seen| match &seen.step {
        Step::Http(http) => (seen.hop == 0).then(|| http.address.ip()),
        Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
    });
    match place {
        Some(ip) => take_apart(tools, watch, &report.target, ip).await,
        None => Vec::new(),
    }
}

/// What was silent, once more as it is; and beside it a control host under its own name, if that was not tried before.
pub(super) async fn take_once_more(tools: &Measurer, watch: &Watch, place: &Place) -> Vec<Trial> {
    let Place { hop, url, address } = place;
    // At the target's own URL the control host was tried when the target failed, and what it answered then is what counts.
    let host = tools.control_hosts.first().filter(|_| *hop > 0);
    let own = host.and_then(|host| Some((elsewhere(host, url), renamed(url, &host.name)?)));
    let at_the_host = async {
        match own {
            Some((host, own)) => take(tools, watch, Altered::ControlHost, &own, host).await,
            None => Vec::new(),
        }
    };
    let (there, at_the_host) = tokio::join!(take(tools, watch, Altered::Nothing, url, *address), at_the_host);
    let mut seen = [there, at_the_host].concat();
    seen.iter_mut().for_each(|trial| trial.seen.hop = *hop);
    seen
}

/// Where a control host is asked: in the clear at the port for that.
pub(super) fn elsewhere(host: &ControlHost, target: &TargetUrl) -> SocketAddr {
    if target.is_https() { host.address } else { SocketAddr::new(host.address.ip(), 80) }
}

/// The front page of the same scheme under another name.
fn renamed(target: &TargetUrl, name: &str) -> Option<TargetUrl> {
    let scheme = if target.is_https() { "https" } else { "http" };
    format!("{scheme}://{name}/").parse().ok()
}

async fn take(tools: &Measurer, watch: &Watch, altered: Altered, url: &TargetUrl, address: SocketAddr) -> Vec<Trial> {
    let mut reached = reach::reach_at(tools, watch, url, address).await;
    reach::ask(tools, watch, 0, url, &mut reached).await;
    reached.seen.into_iter().map(|seen| Trial { altered, seen }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_host_is_asked_at_the_schemes_port() {
        let host = ControlHost { name: "helper.example".into(), address: "198.51.100.1:8443".parse().unwrap() };
        let (secure, clear) = ("https://a.example/x".parse().unwrap(), "http://a.example:8080/x".parse().unwrap());
        assert_eq!(elsewhere(&host, &secure), host.address);
        assert_eq!(elsewhere(&host, &clear), "198.51.100.1:80".parse().unwrap());
        assert_eq!(renamed(&secure, &host.name).unwrap().to_string(), "https://helper.example/");
    }
}
