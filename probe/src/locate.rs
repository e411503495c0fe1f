//! `kedergi-probe locate`: at which router of the way somebody interferes with a target's name.

mod finding;
mod first_message;
mod networks;
mod routers;
mod say;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::join_all;
use kedergi_wire::TargetUrl;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::command::{Failed, print};
use crate::measure::bare_host;
use crate::{Config, LocateArgs, Measurer};
use finding::{Reply, Step, WHOLE_WAY, find};
use networks::Networks;
use say::{Located, Place};

/// Whose name is used where the configuration names no control host: nobody's, and nobody minds it.
const INNOCENT: &str = "www.example.com";
/// Routers asked about at most. Ways are rarely longer.
const LONGEST: u8 = 30;
/// Connections at a time under the innocent name.
const AT_A_TIME: u8 = 6;
/// How often a name is sent that meets silence, for packets are lost.
const TRIES: usize = 3;
/// Routers that tell of the innocent name alone before the rest of the way is taken as silent too.
const SILENT: usize = 2;

/// Finds out and prints.
pub(crate) async fn locate(args: &LocateArgs, config: &Config) -> Result<(), Failed> {
    let target = target(&args.url)?;
    let networks = args.networks.as_deref().map(Networks::open).transpose()?;
    let tools = Measurer::new(config).map_err(|error| Failed::config(error.to_string()))?.by_hand();
    let family = if args.ipv6 { " of IPv6" } else { "" };
    let nowhere = || Failed::runtime(format!("no address{family} is known of {}", target.host()));
    let addresses = tools.addresses_of(&target).await.into_iter().filter(|ip| ip.is_ipv6() || !args.ipv6);
    let ip = addresses.min_by_key(IpAddr::is_ipv6).ok_or_else(nowhere)?;
    let innocent = config.control_hosts.first().map_or(INNOCENT, |host| &host.name);
    let way = Way::new(&tools, &target, ip, innocent)?;
    let steps = way.steps().await;
    let last = steps.iter().map(|step| step.hop).filter(|hop| *hop < WHOLE_WAY).max().unwrap_or(LONGEST);
    let routers = routers::on_the_way_to(ip, last).await;
    let place = |(hop, router): (u8, Option<IpAddr>)| {
        let network = router.zip(networks.as_ref()).and_then(|(router, networks)| networks.of(router));
        Place { hop, router, network }
    };
    let places = (1..).zip(routers).map(place).collect();
    let located = Located { target: &target, address: ip, innocent, places, finding: find(&steps), steps };
    print(&if args.json { located.json()? } else { located.table() })
}

/// What can be located: something with a name that is sent in the clear.
pub(crate) fn target(url: &str) -> Result<TargetUrl, Failed> {
    let wrong = |why: &dyn std::fmt::Display| Failed::usage(format!("{url:?} cannot be located: {why}"));
    let target: TargetUrl = url.parse().map_err(|error| wrong(&error))?;
    let has_name = !target.is_tcp() && bare_host(&target).parse::<IpAddr>().is_err();
    if has_name { Ok(target) } else { Err(wrong(&"only http and https URLs with a name can")) }
}

/// The two first messages, and where they go.
struct Way {
    address: SocketAddr,
    is_tls: bool,
    innocent: Vec<u8>,
    target: Vec<u8>,
}

impl Way {
    fn new(tools: &Measurer, target: &TargetUrl, ip: IpAddr, innocent: &str) -> Result<Self, Failed> {
        let is_tls = target.is_https();
        let message = |name: &str| if is_tls { hello(tools, name) } else { Ok(request(name)) };
        let address = SocketAddr::new(ip, target.port());
        Ok(Self { address, is_tls, innocent: message(innocent)?, target: message(bare_host(target))? })
    }

    /// First the innocent name, so that no censor holds anything against this machine yet; then
    /// the target's. Where the innocent one is not answered either, there is nothing to compare.
    async fn steps(&self) -> Vec<Step> {
        let whole = Step { hop: WHOLE_WAY, innocent: self.patiently(&self.innocent, WHOLE_WAY).await, target: None };
        if !whole.innocent.is_reaction() {
            return vec![whole];
        }
        let mut steps: Vec<Step> = Vec::new();
        let mut hop = 1;
        // One router more than it takes: another connection may have a longer way.
        while hop <= LONGEST && !steps.iter().rev().skip(1).any(|step| step.innocent.is_reaction()) {
            let hops = hop..=LONGEST.min(hop + AT_A_TIME - 1);
            hop = hops.end() + 1;
            let seen = hops.map(|hop| async move {
                Step { hop, innocent: self.patiently(&self.innocent, hop).await, target: None }
            });
            steps.extend(join_all(seen).await);
        }
        if let Some(site) = steps.iter().position(|step| step.innocent.is_reaction()) {
            steps.truncate(site + 2);
        }
        steps.push(whole);
        self.try_target(&mut steps).await;
        steps
    }

    /// Until somebody reacts, one after the other: some censors block for a while what was asked for by a name they mind. Behind
    /// an answer, which may be the site's, the whole way alone is left to try.
    async fn try_target(&self, steps: &mut [Step]) {
        let (mut silent, mut answered) = (0, false);
        for step in steps {
            if (answered || silent >= SILENT) && step.hop < WHOLE_WAY {
                continue;
            }
            let telling = step.innocent != Reply::Silence;
            let reply = if telling { self.patiently(&self.target, step.hop).await } else { self.once(step.hop).await };
            let confirmed = if reply.is_reaction() { self.confirm(reply, step.hop).await } else { reply };
            step.target = Some(confirmed);
            silent = if telling && confirmed == Reply::Silence { silent + 1 } else { 0 };
            answered = confirmed == Reply::Answer;
            if confirmed.is_reaction() && !answered {
                return;
            }
        }
    }

    async fn once(&self, hop: u8) -> Reply {
        first_message::send(self.address, &self.target, self.is_tls, hop).await
    }

    /// What happened once may have been chance. Where nothing comes back the second time, the first reply may have been what
    /// closed the way.
    async fn confirm(&self, reply: Reply, hop: u8) -> Reply {
        let again = self.once(hop).await;
        if matches!(again, Reply::NoConnection | Reply::Silence) { reply } else { again }
    }

    async fn patiently(&self, message: &[u8], hop: u8) -> Reply {
        let mut reply = Reply::Silence;
        for _ in 0..TRIES {
            reply = first_message::send(self.address, message, self.is_tls, hop).await;
            if !matches!(reply, Reply::Silence | Reply::NoConnection) {
                break;
            }
        }
        reply
    }
}

/// The ClientHello that a measurement would send under this name.
fn hello(tools: &Measurer, name: &str) -> Result<Vec<u8>, Failed> {
    let server = ServerName::try_from(name.to_owned()).map_err(Failed::runtime)?;
    let mut client = ClientConnection::new(Arc::new(tools.handshake_config()), server).map_err(Failed::runtime)?;
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).map_err(Failed::runtime)?;
    }
    Ok(bytes)
}

fn request(name: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\nConnection: close\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_can_be_located() {
        assert!(target("https://news.example/").is_ok() && target("http://news.example/x").is_ok());
        for url in ["tcp://45.80.10.10:443", "https://45.80.10.10/", "https://[2a00:1450::1]/", "news"] {
            let failed = target(url).unwrap_err();
            assert_eq!(failed.code, 2, "{url}");
        }
    }
}
