//! What an ISP does to its customers' traffic, as data.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Name, Rate};

/// One thing a censor does. A rule that takes a name means the name and everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rule {
    /// The ISP's own resolver answers falsely.
    Resolver {
        /// Asked for what.
        name: Name,
        /// Answered how.
        answer: Answer,
        /// Where the answer is an address: whether questions for the other kind of address are answered truly. Otherwise
        /// they are answered that there is none.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        alone: bool,
    },
    /// A query that crosses the border for an address of this kind is answered at once; the true answer comes later.
    DnsInject {
        /// Asked for what.
        name: Name,
        /// The forged answer.
        address: IpAddr,
        /// Whether the query goes no further, so that the true answer never comes.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        swallow: bool,
        /// Whether the ISP's own resolver is spared, so that only those who ask another one are lied to.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        customers: bool,
    },
    /// Nothing passes the border from or to the address.
    DropAddress {
        /// Which address.
        address: IpAddr,
        /// Only this port of it; all if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
    },
    /// What is sent to the address is lost, and a router says that it cannot be reached.
    IcmpUnreachable {
        /// Which address.
        address: IpAddr,
    },
    /// Every IPv6 packet is lost: no censor, but a home or an ISP whose IPv6 does not work.
    BrokenIpv6 {},
    /// Whoever wants to connect to the address gets a reset.
    RstSyn {
        /// Which address.
        address: IpAddr,
    },
    /// A ClientHello with the name is swallowed, and both sides get a reset.
    TlsReset {
        /// The server's name in the ClientHello.
        name: Name,
        /// Whether only a ClientHello that lies whole in one segment is recognised.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        one_segment: bool,
        /// Seconds for which afterwards nothing passes between that customer and that address.
        #[serde(default, skip_serializing_if = "is_zero")]
        residual_s: u16,
    },
    /// A ClientHello with the name is swallowed; the customer is told that the site ended the connection.
    TlsClose {
        /// The server's name in the ClientHello.
        name: Name,
    },
    /// A ClientHello with the name is swallowed; the customer gets a TLS alert in the site's name.
    TlsAlert {
        /// The server's name in the ClientHello.
        name: Name,
    },
    /// A certificate with the name that comes in the clear, as up to TLS 1.2, is swallowed, and both sides get a reset.
    TlsCertificateReset {
        /// A name the certificate is made out to.
        name: Name,
    },
    /// Connections to port 443 of the address end at a machine of the ISP's, which shows certificates of its own making.
    TlsIntercept {
        /// Which address.
        address: IpAddr,
        /// Who signs those certificates.
        root: ForgedBy,
    },
    /// From a ClientHello with the name on, the connection falls silent.
    TlsSilence {
        /// The server's name in the ClientHello.
        name: Name,
    },
    /// A ClientHello that offers, or seems to offer, an encrypted one is swallowed, and both sides get a reset.
    EchReset {},
    /// UDP to and from port 443 is dropped.
    QuicDrop {
        /// Only of this address; of all if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<IpAddr>,
    },
    /// From a QUIC handshake with the name on, nothing of the connection passes.
    QuicInitial {
        /// The server's name in the ClientHello, which the first packets carry under keys that everybody can compute.
        name: Name,
    },
    /// A plain HTTP request to the host is answered by the censor in place of the site.
    HttpBlockPage {
        /// The request's Host header, without a port.
        host: Name,
        /// Status of the answer.
        #[serde(default = "ok")]
        status: u16,
        /// Where the answer sends the reader, if anywhere. As in the body, `{customer}` stands for the reader's address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
        /// What the answer says of the software that gave it, if anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        server: Option<String>,
        /// HTML of the answer.
        #[serde(default)]
        body: String,
    },
    /// A plain HTTP request to the host is swallowed, and both sides get a reset.
    HttpReset {
        /// The request's Host header, without a port.
        host: Name,
    },
    /// From a plain HTTP request to the host on, the connection falls silent.
    HttpSilence {
        /// The request's Host header, without a port.
        host: Name,
    },
    /// What passes is held to so many kilobits a second, each way: what is more is dropped. With a name: a connection, from a
    /// ClientHello or a plain HTTP request with it on. With an address: what goes between a customer and the address. With neither: all of a customer's.
    Police {
        /// The server's name in the ClientHello.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// Which address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<IpAddr>,
        /// Kilobits a second.
        kbit_s: Rate,
    },
    /// As [`Rule::Police`], but what is more waits in a queue.
    Shape {
        /// The server's name in the ClientHello.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// Which address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<IpAddr>,
        /// Kilobits a second.
        kbit_s: Rate,
    },
    /// From a ClientHello or a plain HTTP request with the name on, whatever comes back to the customer is kept for a while.
    Delay {
        /// The server's name in the ClientHello.
        name: Name,
        /// Milliseconds for which it is kept.
        delay_ms: u16,
    },
    /// A Wi-Fi's log-in page: until somebody logs in, a machine of the ISP's answers in place of everybody.
    CaptivePortal {
        /// Whether it lets questions for names pass; else every name leads to the portal.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        true_names: bool,
    },
    /// Nothing at all passes the border.
    Cut {},
}

impl Rule {
    /// What about it contradicts itself, if anything.
    pub(crate) fn check(&self) -> Result<(), String> {
        if let Self::Police { name: Some(name), address: Some(address), .. }
        | Self::Shape { name: Some(name), address: Some(address), .. } = self
        {
            return Err(format!("a rule slows down {name} and {address}; write two rules, one for each"));
        }
        if let Self::Police { kbit_s, .. } | Self::Shape { kbit_s, .. } = self
            && kbit_s.is_empty()
        {
            return Err("a rule slows down to no rate at all; give kbit_s a number, or turns".to_owned());
        }
        Ok(())
    }
}

fn ok() -> u16 {
    200
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(seconds: &u16) -> bool {
    *seconds == 0
}

/// Who signs an interceptor's certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForgedBy {
    /// A root that nobody trusts.
    Unknown,
    /// A root that the customers' machines were made to trust: the probes have it among their extra roots.
    Machine,
}

/// What a resolver that lies says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Answer {
    /// This address.
    Address(IpAddr),
    /// That it is another name for this one, with the addresses of this one.
    Alias(Name),
    /// The name does not exist.
    Nxdomain,
    /// The name exists but has no address.
    Nodata,
    /// It will not say.
    Refused,
    /// It could not find out.
    Servfail,
    /// Nothing.
    Silent,
}

/// The words for answers that are no address.
static WORDS: [(&str, Answer); 5] = [
    ("nxdomain", Answer::Nxdomain),
    ("nodata", Answer::Nodata),
    ("refused", Answer::Refused),
    ("servfail", Answer::Servfail),
    ("silent", Answer::Silent),
];
/// What stands before the name in an answer that is an alias.
const ALIAS: &str = "cname ";

impl FromStr for Answer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = WORDS.iter().find(|(word, _)| *word == text).map(|(_, answer)| answer.clone());
        let alias = || Some(Self::Alias(text.strip_prefix(ALIAS)?.trim().parse().ok()?));
        word.or_else(|| text.parse().ok().map(Self::Address)).or_else(alias).ok_or_else(|| {
            let words = WORDS.each_ref().map(|(word, _)| *word).join(", ");
            format!("{text:?} is no answer of a resolver: an IP address, \"cname\" and a name, {words}")
        })
    }
}

impl TryFrom<String> for Answer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Answer> for String {
    fn from(answer: Answer) -> Self {
        answer.to_string()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WORDS.iter().find(|(_, answer)| answer == self) {
            Some((word, _)) => f.write_str(word),
            None => match self {
                Self::Address(address) => write!(f, "{address}"),
                Self::Alias(name) => write!(f, "{ALIAS}{name}"),
                Self::Nxdomain | Self::Nodata | Self::Refused | Self::Servfail | Self::Silent => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Rules {
        rules: Vec<Rule>,
    }

    #[test]
    fn rules_are_read_and_written() {
        let text = r#"
            [[rules]]
            do = "resolver"
            name = "news.example"
            answer = "nxdomain"
            [[rules]]
            do = "resolver"
            name = "news.example"
            answer = "45.80.66.66"
            [[rules]]
            do = "resolver"
            name = "news.example"
            answer = "cname blocked.example"
            [[rules]]
            do = "http-block-page"
            host = "news.example"
            body = "no"
            [[rules]]
            do = "cut"
        "#;
        let rules: Rules = toml::from_str(text).unwrap();
        assert_eq!(
            rules.rules[3],
            Rule::HttpBlockPage {
                host: "news.example".parse().unwrap(),
                status: 200,
                location: None,
                server: None,
                body: "no".to_owned()
            }
        );
        assert_eq!(toml::from_str::<Rules>(&toml::to_string(&rules).unwrap()).unwrap(), rules);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused = |rule: &str| toml::from_str::<Rules>(&format!("[[rules]]\n{rule}")).unwrap_err().to_string();
        assert!(refused("do = \"cut\"\nname = \"a.example\"").contains("name"));
        assert!(refused("do = \"tls-resett\"\nname = \"a.example\"").contains("tls-resett"));
        assert!(refused("do = \"resolver\"\nname = \"a.example\"\nanswer = \"lie\"").contains("nxdomain"));
    }
}
