//! A scene: sites, what each ISP does to them, and what a probe should find. A TOML file; `tests/lab/README.md` documents it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kedergi_wire::TargetUrl;
use serde::{Deserialize, Serialize};

use crate::plan::{self, PROBES};
use crate::{Expected, Isp, Name, Quality, Rule};

mod service;
pub use service::SceneService;

/// Everything that is particular to one lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// What it shows, in one line.
    pub title: String,
    /// Probes per ISP that measure when the scene is played; every lab has three.
    #[serde(default = "one")]
    pub probes: u8,
    /// The sites of this internet.
    pub sites: Vec<Site>,
    /// What ISP A does.
    #[serde(default, rename = "isp-a")]
    pub isp_a: Practice,
    /// What ISP B does.
    #[serde(default, rename = "isp-b")]
    pub isp_b: Practice,
    /// What is measured, and what should come of it.
    pub targets: Vec<SceneTarget>,
    /// What targets are together, and what should come of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<SceneService>,
}

fn one() -> u8 {
    1
}

fn yes() -> bool {
    true
}

fn ok() -> u16 {
    200
}

/// What an ISP does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// Its rules; none: it carries everything.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// How good its lines are.
    #[serde(default)]
    pub line: Quality,
    /// Which resolver its customers use.
    #[serde(default)]
    pub resolver: CustomersResolver,
    /// Whether its customers have a VPN on, which lets them out on the free side.
    #[serde(default)]
    pub vpn: bool,
    /// Days by which the clocks of its customers are wrong; negative: slow.
    #[serde(default)]
    pub clock_days: i16,
}

/// Which resolver the machines of an ISP's customers are set to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CustomersResolver {
    /// The ISP's.
    #[default]
    Own,
    /// The public one, beyond the border.
    Public,
}

/// A web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its name; names below it are served too, but not in DNS.
    pub name: Name,
    /// Its addresses. Sites may share them.
    pub addresses: Vec<IpAddr>,
    /// Addresses where it is served too, though DNS does not name them: a proxy's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<IpAddr>,
    /// Addresses that DNS names too, at which there is nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dead: Vec<IpAddr>,
    /// What port 80 does.
    #[serde(default)]
    pub http: HttpMode,
    /// Whether port 443 is served.
    #[serde(default = "yes")]
    pub https: bool,
    /// Whether no newer version than TLS 1.2 is spoken there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls12: bool,
    /// Whether HTTP/2 is spoken there beside HTTP/1.1. Sites that share an address must agree.
    #[serde(default = "yes")]
    pub h2: bool,
    /// Whether HTTP/3 is served at the same addresses, and said so in every answer over TLS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub h3: bool,
    /// Who signed its certificate.
    #[serde(default)]
    pub certificate: SiteCertificate,
    /// Status of its pages.
    #[serde(default = "ok")]
    pub status: u16,
    /// Where it sends its readers, if anywhere; then the status is a redirect's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// HTML of its pages; without it a page that names the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Bytes that its page is filled up to, at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// What it shows to the customers of an ISP in place of its page.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub to: BTreeMap<Isp, Reception>,
    /// Seconds that it lets its readers wait for a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_s: Option<u8>,
    /// Bytes of a page that it sends a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_s: Option<u32>,
    /// The ISP that houses it; left out, it stands on the free side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isp: Option<Isp>,
    /// Whether it is in order.
    #[serde(default)]
    pub state: SiteState,
}

impl Site {
    /// HTML of its pages.
    pub fn page(&self) -> String {
        let name = &self.name;
        let mut page = self.body.clone().unwrap_or_else(|| {
            format!("<!doctype html><html><head><title>{name}</title></head><body><h1>Welcome to {name}</h1></body></html>\n")
        });
        let missing = self.bytes.unwrap_or_default().saturating_sub(page.len());
        page.extend(std::iter::repeat_n(FILLING, missing.div_ceil(FILLING.len())));
        page
    }

    /// Every address that DNS names for it.
    pub fn named(&self) -> Vec<IpAddr> {
        self.addresses.iter().chain(&self.dead).copied().collect()
    }

    /// Every address it is served at.
    pub fn served_at(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().chain(&self.unlisted).copied()
    }
}

/// What a page is filled up with.
const FILLING: &str = "<p>The news of yesterday and of the day before.</p>\n";

/// What a site shows to the customers of one ISP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reception {
    /// Status of the answer.
    pub status: u16,
    /// Where it sends them, if anywhere; then the status is a redirect's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// HTML of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// What port 80 of a site does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpMode {
    /// Sends to https.
    #[default]
    Redirect,
    /// Shows the page.
    Page,
    /// Nobody listens.
    Off,
}

/// Who signed a site's certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteCertificate {
    /// The lab's root, which probes trust.
    #[default]
    Trusted,
    /// Itself.
    SelfSigned,
    /// The lab's root, but for another name.
    WrongName,
    /// The lab's root, years ago.
    Expired,
}

/// Whether a site is in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteState {
    /// It is.
    #[default]
    Up,
    /// Its machine runs but nobody listens: connections are refused.
    Refusing,
    /// Its machine is gone: nothing comes back.
    Absent,
    /// Its name is gone from DNS.
    Nameless,
}

/// A URL to measure, with what should come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneTarget {
    /// What is measured.
    pub url: TargetUrl,
    /// What should come of it, for every ISP.
    pub expect: BTreeMap<Isp, Expected>,
    /// A text that must stand in the pages that reports from an ISP keep; of an ISP that is left out they must keep none. `None` where
    /// that does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keeps: Option<BTreeMap<Isp, String>>,
    /// A text that must stand in the evidence, for the ISPs that are named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub says: BTreeMap<Isp, String>,
}

/// Why a scene cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The file cannot be read.
    #[error("cannot read the scene {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not TOML, or not a scene's keys and values.
    #[error("not a scene: {0}")]
    Syntax(#[from] toml::de::Error),
    /// Its parts contradict each other.
    #[error("the scene contradicts itself: {0}")]
    Sense(String),
}

impl Scene {
    /// Reads a scene file.
    pub fn load(path: &Path) -> Result<Self, SceneError> {
        let text = fs::read_to_string(path).map_err(|source| SceneError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads a scene, strictly.
    pub fn parse(text: &str) -> Result<Self, SceneError> {
        let scene: Self = toml::from_str(text)?;
        scene.check().map_err(SceneError::Sense)?;
        Ok(scene)
    }

    /// What an ISP does.
    pub fn practice(&self, isp: Isp) -> &Practice {
        match isp {
            Isp::A => &self.isp_a,
            Isp::B => &self.isp_b,
        }
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=PROBES).contains(&self.probes) {
            return Err(format!("probes is {}; an ISP of the lab has 1 to {PROBES}", self.probes));
        }
        if self.targets.is_empty() {
            return Err("there are no targets; nothing would be measured".to_owned());
        }
        self.sites.iter().try_for_each(check_site)?;
        Isp::ALL.iter().flat_map(|isp| &self.practice(*isp).rules).try_for_each(Rule::check)?;
        self.check_names()?;
        self.check_shared_addresses()?;
        self.targets.iter().try_for_each(|target| self.check_target(target))?;
        self.check_services()
    }

    fn check_names(&self) -> Result<(), String> {
        let mut names = BTreeSet::new();
        match self.sites.iter().find(|site| !names.insert(&site.name)) {
            Some(site) => Err(format!("there are two sites named {}", site.name)),
            None => Ok(()),
        }
    }

    fn check_shared_addresses(&self) -> Result<(), String> {
        let mut seen: BTreeMap<IpAddr, &Site> = BTreeMap::new();
        for site in &self.sites {
            for address in site.served_at() {
                let other = *seen.entry(address).or_insert(site);
                if (other.state, other.h2, other.isp) != (site.state, site.h2, site.isp) {
                    let (one, two) = (&other.name, &site.name);
                    return Err(format!("{one} and {two} share {address} but differ in state, h2 or isp"));
                }
            }
        }
        Ok(())
    }

    fn check_target(&self, target: &SceneTarget) -> Result<(), String> {
        let url = &target.url;
        if let Some(isp) = Isp::ALL.iter().find(|isp| !target.expect.contains_key(isp)) {
            return Err(format!("{url} says not what is expected at {isp}"));
        }
        let host = url.host();
        let known = self.sites.iter().any(|site| site.name.as_str() == host);
        // An address as target is its own business.
        if known || host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
            return Ok(());
        }
        Err(format!("{url} is no site of the scene; for one that DNS does not know, give it the state \"nameless\""))
    }
}

fn check_site(site: &Site) -> Result<(), String> {
    let name = &site.name;
    if site.addresses.is_empty() {
        return Err(format!("{name} has no address; to take it out of DNS, give it the state \"nameless\""));
    }
    if let Some(address) = site.served_at().chain(site.dead.iter().copied()).find(|address| plan::is_reserved(*address))
    {
        return Err(format!(
            "{name} has the address {address}, which is the lab's own or no machine's; take one of 45.80.0.0/16"
        ));
    }
    if plan::OWN_NAMES.iter().any(|own| name.as_str() == *own) {
        return Err(format!("{name} is the name of a machine of the lab"));
    }
    if site.http == HttpMode::Off && !site.https {
        return Err(format!("{name} serves neither http nor https; if that is meant, give it the state \"refusing\""));
    }
    if site.h3 && !site.https {
        return Err(format!("{name} serves HTTP/3 and no https; nobody would look for it"));
    }
    check_answers(site)
}

fn check_answers(site: &Site) -> Result<(), String> {
    let own = (site.status, site.location.is_some());
    let to = site.to.values().map(|reception| (reception.status, reception.location.is_some()));
    std::iter::once(own).chain(to).try_for_each(|(status, sends_on)| check_answer(&site.name, status, sends_on))
}

fn check_answer(name: &Name, status: u16, sends_on: bool) -> Result<(), String> {
    let is_redirect = matches!(status, 301..=303 | 307 | 308);
    if sends_on && !is_redirect {
        return Err(format!("{name} has a location and the status {status}; a redirect's is needed"));
    }
    if !sends_on && !is_page(status) {
        return Err(format!(
            "{name} answers with status {status}; without a location the lab can do 200 and 400 to 599"
        ));
    }
    Ok(())
}

/// Whether a page goes with the status. The others have no body, or nginx would not send this one.
fn is_page(status: u16) -> bool {
    status == 200 || (400..=599).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENE: &str = r#"
        title = "A name is reset"
        [[sites]]
        name = "news.example"
        addresses = ["45.80.10.10"]
        [[isp-a.rules]]
        do = "tls-reset"
        name = "news.example"
        [[targets]]
        url = "https://news.example/"
        expect = { isp-a = "blocked tls reset", isp-b = "reachable" }
    "#;

    fn refused(from: &str, to: &str) -> String {
        assert!(SCENE.contains(from), "{from:?}");
        Scene::parse(&SCENE.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn a_scene_is_read() {
        let scene = Scene::parse(SCENE).unwrap();
        assert_eq!(scene.practice(Isp::A).rules.len(), 1);
        assert!(scene.practice(Isp::B).rules.is_empty());
        assert_eq!(scene.sites[0].http, HttpMode::Redirect);
        assert_eq!(scene.targets[0].expect[&Isp::A].to_string(), "blocked tls reset");
    }

    #[test]
    fn every_scene_of_the_lab_is_sound() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenes");
        let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 11, "{files:?}");
        for file in files {
            Scene::load(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_to_do() {
        assert!(refused("title =", "titel =").contains("titel"));
        assert!(refused("45.80.10.10", "10.1.0.53").contains("45.80.0.0/16"));
        assert!(refused("https://news.example/", "https://new.example/").contains("nameless"));
        assert!(refused(", isp-b = \"reachable\"", "").contains("isp-b"));
        assert!(refused("blocked tls reset", "blocked tls rest").contains("rest"));
        let rule = "do = \"tls-reset\"\n        name = \"news.example\"";
        let both = "do = \"police\"\nname = \"news.example\"\naddress = \"45.80.10.10\"\nkbit_s = 100";
        assert!(refused(rule, both).contains("two rules"));
        assert!(refused(rule, "do = \"shape\"\nkbit_s = 0").contains("a rate is a number"));
        let site =
            |more: &str| refused("addresses = [\"45.80.10.10\"]", &format!("addresses = [\"45.80.10.10\"]\n{more}"));
        assert!(site("status = 302").contains("400 to 599"));
        assert!(site("location = \"https://other.example/\"").contains("a redirect's"));
        assert!(site("to.isp-a = { status = 301, body = \"\" }").contains("301"));
        assert!(site("unlisted = [\"10.1.0.53\"]").contains("45.80.0.0/16"));
        assert!(refused("title = \"A name is reset\"", "title = \"\"\nprobes = 4").contains("1 to 3"));
        assert!(
            refused(
                "[[isp-a.rules]]",
                "[[sites]]\nname = \"news.example\"\naddresses = [\"45.80.1.1\"]\n[[isp-a.rules]]"
            )
            .contains("two sites")
        );
    }
}
