//! What is measured.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::ServiceId;

/// An absolute `http` or `https` URL with a host, without credentials and fragment; or `tcp://ADDRESS:PORT`, which is only
/// connected to. At most 2048 bytes, normalised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TargetUrl(Url);

/// A text that is no [`TargetUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL at all.
    #[error("not a URL: {0}")]
    Syntax(String),
    /// Another scheme.
    #[error("the scheme is {0:?}; only http, https and tcp can be measured")]
    Scheme(String),
    /// `tcp` with something else than an address and a port.
    #[error("tcp is measured as tcp://ADDRESS:PORT, such as tcp://192.0.2.1:443, without a name and a path")]
    Endpoint,
    /// User name or password in the URL.
    #[error("a user name or password in the URL would be published; leave it out")]
    Credentials,
    /// Longer than the limit.
    #[error("longer than {} bytes", crate::limits::TEXT)]
    TooLong,
}

impl TargetUrl {
    /// The URL, parsed.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Host as in the URL: a name in its ASCII form, or an address (IPv6 in brackets).
    pub fn host(&self) -> &str {
        // The constructor refuses URLs without a host.
        self.0.host_str().unwrap_or_default()
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is only connected to: the scheme is `tcp`.
    pub fn is_tcp(&self) -> bool {
        self.0.scheme() == TCP
    }

    /// Port of the URL, or the scheme's own.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }
}

impl FromStr for TargetUrl {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.len() > crate::limits::TEXT {
            return Err(TargetError::TooLong);
        }
        let mut url = Url::parse(text).map_err(|e| TargetError::Syntax(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | TCP) {
            return Err(TargetError::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Credentials);
        }
        if url.scheme() == TCP {
            return endpoint(&url).map(Self);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

const TCP: &str = "tcp";

/// The one way to write the endpoint that a URL means. A name would prove nothing where only a connection is made: whoever
/// answers for it falsely can let himself be connected to.
fn endpoint(url: &Url) -> Result<Url, TargetError> {
    let rest = url.as_str().strip_prefix("tcp://").ok_or(TargetError::Endpoint)?;
    let address: SocketAddr = rest.strip_suffix('/').unwrap_or(rest).parse().map_err(|_| TargetError::Endpoint)?;
    if address.port() == 0 {
        return Err(TargetError::Endpoint);
    }
    Url::parse(&format!("{TCP}://{address}")).map_err(|e| TargetError::Syntax(e.to_string()))
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl From<TargetUrl> for String {
    fn from(target: TargetUrl) -> String {
        target.0.into()
    }
}

impl TryFrom<String> for TargetUrl {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

/// What kind of service a target belongs to. A volunteer may exclude a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Social networks.
    Social,
    /// Messengers.
    Messenger,
    /// News media.
    News,
    /// Video platforms.
    Video,
    /// Tools to get round censorship.
    Circumvention,
    /// Human rights, elections, law.
    Rights,
    /// Everyday sites that are not expected to be blocked.
    Everyday,
}

impl Category {
    /// Every category, for messages and `--help`.
    pub const ALL: [Self; 7] =
        [Self::Social, Self::Messenger, Self::News, Self::Video, Self::Circumvention, Self::Rights, Self::Everyday];
}

/// One entry of the target list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// What is fetched.
    pub url: TargetUrl,
    /// The service it stands for.
    pub service: ServiceId,
    /// Its kind.
    pub category: Category,
    /// Whether it belongs to the light set, which is all that is measured on a metered line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub light: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_normalised() {
        let url: TargetUrl = "HTTPS://Пример.example#top".parse().unwrap();
        assert_eq!(url.as_str(), "https://xn--e1afmkfd.example/");
        assert_eq!((url.port(), url.is_https()), (443, true));
    }

    #[test]
    fn an_endpoint_is_an_address_and_a_port() {
        let url: TargetUrl = "TCP://45.80.1.1:443/".parse().unwrap();
        assert_eq!(url.as_str(), "tcp://45.80.1.1:443");
        assert_eq!((url.host(), url.port(), url.is_tcp(), url.is_https()), ("45.80.1.1", 443, true, false));
        let six: TargetUrl = "tcp://[2A0E:8f00::0:1]:80".parse().unwrap();
        assert_eq!((six.as_str(), six.host()), ("tcp://[2a0e:8f00::1]:80", "[2a0e:8f00::1]"));
        assert_eq!(six.as_str().parse(), Ok(six));
        for wrong in [
            "tcp://a.example:443",
            "tcp://45.80.1.1",
            "tcp://45.80.1.1:443/x",
            "tcp:45.80.1.1:443",
            "tcp://45.80.1.1:0",
        ] {
            assert_eq!(wrong.parse::<TargetUrl>(), Err(TargetError::Endpoint), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        assert!(matches!("ftp://a.example".parse::<TargetUrl>(), Err(TargetError::Scheme(_))));
        assert!(matches!("a.example".parse::<TargetUrl>(), Err(TargetError::Syntax(_))));
        assert_eq!("https://u:p@a.example".parse::<TargetUrl>(), Err(TargetError::Credentials));
        assert_eq!(format!("https://a.example/{}", "x".repeat(2048)).parse::<TargetUrl>(), Err(TargetError::TooLong));
    }
}
