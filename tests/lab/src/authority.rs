//! The lab's own certificate authority.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::LabError;

/// How long ago certificates began to hold: a clock that is a day slow takes them for not yet valid.
const FRESH: Duration = Duration::from_secs(6 * 60 * 60);
/// How long they will hold still, as those of the free authorities do when they are renewed.
const LASTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Signs certificates. The lab's own signs those of its servers, and probes trust it by `extra_roots`; others are forgers'.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    root: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8).
    pub key: PathBuf,
}

impl Authority {
    /// Makes an authority that calls itself `name` and keeps its files in `folder`.
    pub(crate) fn create(folder: &Path, name: &str) -> Result<Self, LabError> {
        let wrong = |source| LabError::Certificate { name: name.to_owned(), source };
        let mut params = CertificateParams::new(Vec::new()).map_err(wrong)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().map_err(wrong)?;
        let root = folder.join("root.pem");
        let certificate = params.self_signed(&key).map_err(wrong)?;
        fs::write(&root, certificate.pem()).map_err(LabError::file(&root))?;
        Ok(Self { folder: folder.to_owned(), root, issuer: Issuer::new(params, key) })
    }

    /// The root's certificate, a PEM file.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A certificate for names and addresses (as text), signed by the root. The files are named after `name`, the first.
    pub fn certify(&self, name: &str, others: &[&str]) -> Result<Certificate, LabError> {
        self.issue(name, others, Some(&self.issuer), &|_| ())
    }

    /// A certificate signed by the root, years past its end.
    pub(crate) fn expired(&self, name: &str) -> Result<Certificate, LabError> {
        self.issue(name, &[], Some(&self.issuer), &|params| {
            params.not_before = rcgen::date_time_ymd(2019, 1, 1);
            params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        })
    }

    /// A certificate that nobody but its own key signed.
    pub fn self_signed(&self, name: &str) -> Result<Certificate, LabError> {
        self.issue(name, &[], None, &|_| ())
    }

    fn issue(
        &self,
        name: &str,
        others: &[&str],
        issuer: Option<&Issuer<'static, KeyPair>>,
        change: &dyn Fn(&mut CertificateParams),
    ) -> Result<Certificate, LabError> {
        let wrong = |source| LabError::Certificate { name: name.to_owned(), source };
        let names = [name].iter().chain(others).map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).map_err(wrong)?;
        params.distinguished_name.push(DnType::CommonName, name);
        let now = SystemTime::now();
        (params.not_before, params.not_after) = ((now - FRESH).into(), (now + LASTS).into());
        change(&mut params);
        let key = KeyPair::generate().map_err(wrong)?;
        let signed = match issuer {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        let files = Certificate {
            certificate: self.folder.join(format!("{name}.pem")),
            key: self.folder.join(format!("{name}.key")),
        };
        fs::write(&files.certificate, signed.map_err(wrong)?.pem()).map_err(LabError::file(&files.certificate))?;
        fs::write(&files.key, key.serialize_pem()).map_err(LabError::file(&files.key))?;
        Ok(files)
    }
}
