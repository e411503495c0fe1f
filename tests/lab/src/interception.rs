//! Who intercepts with which certificates: the forgers' roots, and the machines of the ISPs that use them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::authority::Authority;
use crate::process::Process;
use crate::services::{self, Service};
use crate::{ForgedBy, Host, HttpMode, Isp, LabError, Rule, Site, SiteCertificate};

/// Held by the lab, before the hosts: what runs on them must end first.
#[derive(Debug)]
pub(crate) struct Interception {
    forgers: BTreeMap<ForgedBy, Authority>,
    /// What the interceptors show: the sites themselves, but for the certificates.
    sites: Vec<Site>,
    running: Mutex<BTreeMap<Isp, (ForgedBy, Process)>>,
}

impl Interception {
    /// Makes the roots. No interceptor runs before a rule wants it.
    pub(crate) fn create(folder: &Path, sites: Vec<Site>) -> Result<Self, LabError> {
        let forger = |by, name: &str| -> Result<_, LabError> {
            // nginx ends a path at a space.
            let folder = folder.join(name.replace(' ', "-"));
            fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
            Ok((by, Authority::create(&folder, name)?))
        };
        let forgers =
            [forger(ForgedBy::Unknown, "Unheard-of Root")?, forger(ForgedBy::Machine, "National Trust Root")?];
        Ok(Self { forgers: forgers.into(), sites: disguised(sites), running: Mutex::default() })
    }

    /// The root that the ISPs' customers were made to trust, a PEM file.
    pub(crate) fn machine_root(&self) -> Option<&Path> {
        self.forgers.get(&ForgedBy::Machine).map(Authority::root)
    }

    /// Starts and ends the interceptor of an ISP as its rules want it. `host` is the machine it runs on.
    pub(crate) fn obey(&self, isp: Isp, rules: &[Rule], host: &Host, folder: &Path) -> Result<(), LabError> {
        let wanted = rules.iter().find_map(|rule| {
            let Rule::TlsIntercept { root, .. } = rule else { return None };
            self.forgers.get_key_value(root)
        });
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.get(&isp).map(|(by, _)| by) == wanted.map(|(by, _)| by) {
            return Ok(());
        }
        // The old one must be gone before the new one can have its ports.
        running.remove(&isp);
        if let Some((by, forger)) = wanted {
            let listens = services::prepare_sites(folder, &self.sites, forger)?;
            let process = Service { name: "nginx", host, folder }.nginx(listens)?;
            running.insert(isp, (*by, process));
        }
        Ok(())
    }
}

/// Sites as an interceptor shows them: port 443 alone, each with the certificate of the forger.
fn disguised(sites: Vec<Site>) -> Vec<Site> {
    let secure = sites.into_iter().filter(|site| site.https);
    secure.map(|site| Site { http: HttpMode::Off, certificate: SiteCertificate::Trusted, ..site }).collect()
}
