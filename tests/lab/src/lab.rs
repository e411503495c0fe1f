//! The running lab.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tempfile::TempDir;

use crate::authority::{Authority, Certificate};
use crate::fabric::Fabric;
use crate::interception::Interception;
use crate::network::{Network, Zone};
use crate::portal::Portals;
use crate::process::Process;
use crate::services::{self, H3Server, Service};
use crate::{CustomersResolver, Host, Isp, LabError, Rule, Scene, Site, SiteState, plan};

/// An internet of its own: two ISPs with a resolver and three probes' hosts each, and a free side with the sites, a public
/// resolver, a control's host and a collector's. It ends when dropped, and everything that runs in it with it.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use kedergi_lab::{Isp, Lab, ProbeSettings, Scene, command, plan};
///
/// let lab = Lab::start(&Scene::load("scenes/nothing-censored.toml".as_ref())?)?;
/// lab.set_rules(Isp::A, vec![toml::from_str("do = 'tls-reset'\nname = 'news.example'")?])?;
/// let host = plan::probe(Isp::A, 1);
/// let config = lab.probe_config(&host, &ProbeSettings::default())?;
/// let mut probe = command("target/debug/kedergi-probe");
/// probe.args(["measure", "https://news.example/", "--config"]).arg(config);
/// let status = lab.spawn(&host, probe)?.wait_within(std::time::Duration::from_secs(60))?;
/// let page = lab.inside(plan::COLLECTOR, || std::net::TcpStream::connect("127.0.0.1:80"))?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Lab {
    // Dropped in this order: programs before the hosts they run on, the folder last.
    resolvers: Mutex<BTreeMap<Isp, Resolver>>,
    interception: Interception,
    portals: Portals,
    _services: Vec<Process>,
    _h3: Vec<H3Server>,
    hosts: BTreeMap<String, Host>,
    fabric: Fabric,
    authority: Authority,
    /// ISPs whose customers use the public resolver.
    ask_the_public_one: Vec<Isp>,
    folder: TempDir,
}

/// An ISP's resolver, with the rules it runs by.
#[derive(Debug)]
struct Resolver {
    rules: Vec<Rule>,
    /// Held to be killed with the lab.
    _process: Process,
}

/// What a probe's configuration file says beside what the lab knows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ProbeSettings {
    /// Collectors' URLs.
    pub collectors: Vec<String>,
    /// Seconds between two runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<u32>,
    /// Seconds that a heartbeat waits for news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_s: Option<u16>,
}

#[derive(Serialize)]
struct ProbeFile<'a> {
    data_dir: PathBuf,
    extra_roots: PathBuf,
    resolv_conf: PathBuf,
    public_resolvers: [SocketAddr; 1],
    #[serde(flatten)]
    settings: &'a ProbeSettings,
    doh_resolvers: [DohEntry; 1],
    control_hosts: [ControlHostEntry; 1],
}

#[derive(Serialize)]
struct ControlHostEntry {
    name: &'static str,
    address: SocketAddr,
}

#[derive(Serialize)]
struct DohEntry {
    url: &'static str,
    bootstrap: SocketAddr,
}

impl Lab {
    /// Builds the lab of a scene and waits until every server answers. Call [`crate::enter`] first where root is not given.
    pub fn start(scene: &Scene) -> Result<Self, LabError> {
        let folder = tempfile::Builder::new().prefix(&folder_prefix()).tempdir();
        let folder = folder.map_err(LabError::file(std::env::temp_dir()))?;
        let authority = Authority::create(folder.path(), "Kedergi lab root")?;
        let mut network = Network::default();
        let (mut hosts, mut devices) = (BTreeMap::new(), Vec::new());
        for host in plan::hosts(scene) {
            let number = network.connect(host.zone, &host.addresses);
            if let Zone::Isp(isp) = host.zone
                && host.name == plan::interceptor(isp)
            {
                network.intercept_at(isp, number);
            }
            let (made, device) = Host::create(&host.name, [host.addresses, host.poses_as].concat(), host.line)?;
            devices.push(device);
            hosts.insert(host.name, made);
        }
        Isp::ALL.iter().for_each(|isp| network.set_quality(*isp, scene.practice(*isp).line));
        let fabric = Fabric::start(network, devices).map_err(LabError::file("the fabric's thread"))?;
        let mut ask_the_public_one = Isp::ALL.to_vec();
        ask_the_public_one.retain(|isp| {
            let practice = scene.practice(*isp);
            practice.vpn || practice.resolver == CustomersResolver::Public
        });
        let resolvers = Mutex::default();
        let interception = Interception::create(folder.path(), listening(&scene.sites, |_| true))?;
        let mut lab = Self {
            resolvers,
            interception,
            portals: Portals::create(folder.path())?,
            _services: Vec::new(),
            _h3: Vec::new(),
            hosts,
            fabric,
            authority,
            ask_the_public_one,
            folder,
        };
        lab._services = vec![lab.start_public_resolver(scene)?, lab.start_helper()?, lab.start_sites(scene, None)?];
        lab._h3.extend(lab.start_h3(scene, None)?);
        for isp in Isp::ALL.into_iter().filter(|isp| scene.sites.iter().any(|site| site.isp == Some(*isp))) {
            lab._services.push(lab.start_sites(scene, Some(isp))?);
            lab._h3.extend(lab.start_h3(scene, Some(isp))?);
        }
        for isp in Isp::ALL {
            lab.set_rules(isp, scene.practice(isp).rules.clone())?;
        }
        Ok(lab)
    }

    /// A host by its name; the names are in [`crate::plan`].
    pub fn host(&self, name: &str) -> Result<&Host, LabError> {
        self.hosts.get(name).ok_or_else(|| LabError::NoSuchHost(name.to_owned()))
    }

    /// The IPv4 address of a host.
    pub fn address(&self, host: &str) -> Result<IpAddr, LabError> {
        let addresses = self.host(host)?.addresses();
        addresses.first().copied().ok_or_else(|| LabError::NoSuchHost(host.to_owned()))
    }

    /// Starts a program on a host. Make the command by [`crate::command`], so that it cannot outlive the lab.
    pub fn spawn(&self, host: &str, command: Command) -> Result<Process, LabError> {
        services::spawn(self.host(host)?, command)
    }

    /// Runs `body` on a thread of its own in a host's network and waits for it: the way for a test to reach a server of the
    /// lab, or to be one. A socket opened in `body` belongs to the host for good: return it and use it from any thread. An
    /// async client opens its connections inside if its current-thread runtime runs inside `body`.
    pub fn inside<T: Send>(&self, host: &str, body: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        self.host(host)?.inside(body)
    }

    /// Replaces everything an ISP does. It holds when this returns; connections that the censor had silenced are free again.
    pub fn set_rules(&self, isp: Isp, rules: Vec<Rule>) -> Result<(), LabError> {
        let interceptor = plan::interceptor(isp);
        let (host, folder) = (self.host(&interceptor)?, self.host_folder(&interceptor)?);
        self.interception.obey(isp, &rules, host, &folder)?;
        self.portals.obey(isp, &rules, host, &folder)?;
        self.fabric.set_rules(isp, rules.clone())?;
        let lies: Vec<Rule> = rules.into_iter().filter(|rule| matches!(rule, Rule::Resolver { .. })).collect();
        let mut resolvers = self.resolvers.lock().unwrap_or_else(PoisonError::into_inner);
        if resolvers.get(&isp).is_some_and(|resolver| resolver.rules == lies) {
            return Ok(());
        }
        // The old one must be gone before the new one can have its port.
        resolvers.remove(&isp);
        let process = self.start_isp_resolver(isp, &lies)?;
        resolvers.insert(isp, Resolver { rules: lies, _process: process });
        Ok(())
    }

    /// Writes the configuration of a probe on `host` and returns the file. Its data folder is the host's own.
    pub fn probe_config(&self, host: &str, settings: &ProbeSettings) -> Result<PathBuf, LabError> {
        let folder = self.host_folder(host)?;
        let resolv_conf = folder.join("resolv.conf");
        write(&resolv_conf, &format!("nameserver {}\n", self.system_resolver(host)?))?;
        let [public, _] = plan::public_resolver();
        let file = ProbeFile {
            data_dir: folder.join("probe"),
            extra_roots: self.roots_of(host, &folder)?,
            resolv_conf,
            public_resolvers: [SocketAddr::new(public, 53)],
            settings,
            doh_resolvers: [DohEntry { url: plan::DOH_URL, bootstrap: SocketAddr::new(public, 443) }],
            control_hosts: [ControlHostEntry {
                name: plan::HELPER_NAME,
                address: SocketAddr::new(self.address(plan::HELPER)?, 443),
            }],
        };
        let path = folder.join("probe.toml");
        let text = toml::to_string(&file).map_err(std::io::Error::other).map_err(LabError::file(&path))?;
        write(&path, &text)?;
        Ok(path)
    }

    /// The lab's root certificate, a PEM file.
    pub fn root_certificate(&self) -> &Path {
        self.authority.root()
    }

    /// A certificate for a server on `host`, under `name` and the host's addresses. `collector.lab.example` is in DNS.
    pub fn certificate(&self, host: &str, name: &str) -> Result<Certificate, LabError> {
        let addresses: Vec<String> = self.host(host)?.addresses().iter().map(ToString::to_string).collect();
        self.authority.certify(name, &addresses.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A folder for the files of a host, made on first use, gone with the lab.
    pub fn host_folder(&self, host: &str) -> Result<PathBuf, LabError> {
        let folder = self.folder.path().join(self.host(host)?.name());
        fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
        Ok(folder)
    }

    /// The folder that holds everything of this lab; it goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The roots that a probe on `host` is told to trust, as a file.
    fn roots_of(&self, host: &str, folder: &Path) -> Result<PathBuf, LabError> {
        let is_customer = Isp::ALL.into_iter().any(|isp| host.starts_with(isp.as_str()));
        let forged = self.interception.machine_root().filter(|_| is_customer);
        let read = |path: &Path| fs::read_to_string(path).map_err(LabError::file(path));
        let texts = [Some(self.root_certificate()), forged].into_iter().flatten().map(read);
        let path = folder.join("roots.pem");
        write(&path, &texts.collect::<Result<String, _>>()?)?;
        Ok(path)
    }

    fn system_resolver(&self, host: &str) -> Result<IpAddr, LabError> {
        let isp = Isp::ALL.into_iter().find(|isp| host.starts_with(isp.as_str()));
        let own = isp.filter(|isp| !self.ask_the_public_one.contains(isp));
        own.map_or_else(|| Ok(plan::public_resolver()[0]), |isp| self.address(&plan::resolver(isp)))
    }

    fn start_public_resolver(&self, scene: &Scene) -> Result<Process, LabError> {
        let host = self.host(plan::DNS)?;
        let folder = self.host_folder(plan::DNS)?;
        let [doh_name, ..] = plan::OWN_NAMES;
        let certificate = self.certificate(plan::DNS, doh_name)?;
        let [address, _] = plan::public_resolver();
        let config =
            services::public_resolver(&folder, &reachable(host), &scene.sites, &plan::own_names(), &certificate);
        write(&folder.join("unbound.conf"), &config)?;
        let service = Service { name: "unbound", host, folder: &folder };
        service.unbound(SocketAddr::new(address, 53), Some(SocketAddr::new(address, 443)))
    }

    fn start_isp_resolver(&self, isp: Isp, rules: &[Rule]) -> Result<Process, LabError> {
        let name = plan::resolver(isp);
        let host = self.host(&name)?;
        let folder = self.host_folder(&name)?;
        let [upstream, _] = plan::public_resolver();
        write(&folder.join("unbound.conf"), &services::isp_resolver(&folder, &reachable(host), upstream, rules))?;
        let service = Service { name: "unbound", host, folder: &folder };
        service.unbound(SocketAddr::new(self.address(&name)?, 53), None)
    }

    fn start_helper(&self) -> Result<Process, LabError> {
        let host = self.host(plan::HELPER)?;
        let folder = self.host_folder(plan::HELPER)?;
        let certificate = self.certificate(plan::HELPER, plan::HELPER_NAME)?;
        let listens = services::prepare_helper(&folder, &reachable(host), &certificate)?;
        Service { name: "nginx", host, folder: &folder }.nginx(listens)
    }

    fn start_h3(&self, scene: &Scene, place: Option<Isp>) -> Result<Option<H3Server>, LabError> {
        let host = place.map_or_else(|| plan::WEB.to_owned(), plan::web);
        H3Server::start(self.host(&host)?, &listening(&scene.sites, |isp| isp == place), &self.authority)
    }

    fn start_sites(&self, scene: &Scene, place: Option<Isp>) -> Result<Process, LabError> {
        let host = place.map_or_else(|| plan::WEB.to_owned(), plan::web);
        let folder = self.host_folder(&host)?;
        let listens = services::prepare_sites(&folder, &listening(&scene.sites, |isp| isp == place), &self.authority)?;
        let service = Service { name: "nginx", host: self.host(&host)?, folder: &folder };
        service.nginx(listens)
    }
}

fn folder_prefix() -> String {
    format!("kedergi-lab-{}-", std::process::id())
}

/// Removes the folders of all labs of this process. For a process that a signal ends before its labs can be dropped; the
/// rest of a lab goes with the process by itself.
pub fn remove_folders() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&folder_prefix())) {
        // It is on its way out and has nobody to tell.
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// The addresses of a host that its kernel could take.
fn reachable(host: &Host) -> Vec<IpAddr> {
    usable(host.addresses())
}

/// The sites that somebody serves in certain places, with the addresses that the kernel could take.
fn listening(sites: &[Site], place: impl Fn(Option<Isp>) -> bool) -> Vec<Site> {
    let here = sites.iter().filter(|site| place(site.isp));
    let served = here.filter(|site| matches!(site.state, SiteState::Up | SiteState::Nameless));
    served
        .map(|site| Site { addresses: usable(&site.addresses), unlisted: usable(&site.unlisted), ..site.clone() })
        .collect()
}

fn usable(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let ipv6 = crate::host::has_ipv6();
    addresses.iter().copied().filter(|address| ipv6 || address.is_ipv4()).collect()
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::file(path))
}
