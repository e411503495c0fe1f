//! The log-in page of a Wi-Fi: until somebody logs in, a machine of the ISP's answers in place of everybody.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::authority::Authority;
use crate::process::Process;
use crate::services::{self, Service};
use crate::{Host, Isp, LabError, Rule};

/// The portal's name in its certificate and in what it sends readers to.
const NAME: &str = "login.portal.example";

/// Held by the lab, before the hosts: what runs on them must end first.
#[derive(Debug)]
pub(crate) struct Portals {
    authority: Authority,
    running: Mutex<BTreeMap<Isp, [Process; 2]>>,
}

impl Portals {
    /// Makes the root that nobody trusts. No portal runs before a rule wants it.
    pub(crate) fn create(folder: &Path) -> Result<Self, LabError> {
        let folder = folder.join("portal");
        fs::create_dir_all(&folder).map_err(LabError::file(&folder))?;
        Ok(Self { authority: Authority::create(&folder, "Portal root")?, running: Mutex::default() })
    }

    /// Starts and ends the portal of an ISP as its rules want it. `host` is the machine it runs on.
    pub(crate) fn obey(&self, isp: Isp, rules: &[Rule], host: &Host, folder: &Path) -> Result<(), LabError> {
        let wanted = rules.iter().any(|rule| matches!(rule, Rule::CaptivePortal { .. }));
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.entry(isp) {
            Entry::Vacant(place) if wanted => drop(place.insert_entry(self.start(host, folder)?)),
            Entry::Occupied(portal) if !wanted => drop(portal.remove()),
            Entry::Vacant(_) | Entry::Occupied(_) => {}
        }
        Ok(())
    }

    fn start(&self, host: &Host, folder: &Path) -> Result<[Process; 2], LabError> {
        let certificate = self.authority.certify(NAME, &[])?;
        let listens = services::prepare_portal(folder, NAME, host.addresses(), &certificate)?;
        let resolver = folder.join("unbound.conf");
        let text = services::portal_resolver(folder, host.addresses());
        fs::write(&resolver, text).map_err(LabError::file(&resolver))?;
        let service = |name| Service { name, host, folder };
        let address = host.addresses().first().ok_or_else(|| LabError::NoSuchHost(host.name().to_owned()))?;
        Ok([service("nginx").nginx(listens)?, service("unbound").unbound(SocketAddr::new(*address, 53), None)?])
    }
}
