//! Enrolment: consent, a key, and a collector that knows it.

use std::io::{self, IsTerminal, Write};

use ed25519_dalek::SigningKey;
use jiff::Timestamp;
use kedergi_wire::{CONSENT_VERSION, EnrollReply, EnrollRequest, Kind, ProbeId, Role, seal};
use url::Url;

use crate::daemon::{Cause, Error, SOFTWARE, warn_of_plain_http};
use crate::identity::{DataDir, Enrolment};
use crate::upload::{Courier, Trouble};
use crate::{Config, consent};

/// Asks for consent, makes a key where there is none, and registers it with `collector`.
///
/// The key is on disk before the collector hears of it, the enrolment is recorded after the collector agreed: an
/// interrupted enrolment can simply be done again.
pub async fn enroll(config: Config, collector: Url, invite: String, accept_risk: bool) -> Result<(), Error> {
    Ok(enroll_at(&config, collector, invite, accept_risk).await?)
}

pub(crate) async fn enroll_at(config: &Config, collector: Url, invite: String, accept_risk: bool) -> Result<(), Cause> {
    if !matches!(collector.scheme(), "http" | "https") {
        return Err(Cause::Scheme(collector.scheme().to_owned()));
    }
    warn_of_plain_http(&collector);
    consent::ask(accept_risk, io::stdin().is_terminal(), io::stdin().lock(), io::stdout())?;
    let courier = Courier::new(config.extra_roots.as_deref())?;
    let dir = DataDir::make(&config.data_dir)?;
    let _lock = dir.lock()?;
    let enrolment = register(&courier, &dir.key_or_make()?, collector, invite).await?;
    dir.record(&enrolment)?;
    let mut output = io::stdout();
    writeln!(output, "Enrolled as a {} probe. `kedergi-probe run` starts measuring.", word(enrolment.role))?;
    writeln!(output, "To stop: end it. To delete everything: delete {}.", config.data_dir.display())?;
    Ok(())
}

async fn register(courier: &Courier, key: &SigningKey, collector: Url, invite: String) -> Result<Enrolment, Cause> {
    let agreed = Timestamp::now();
    let request = EnrollRequest { invite, consent: CONSENT_VERSION, software: SOFTWARE.to_owned() };
    let envelope = seal(Kind::Enroll, key, &request)?;
    let reply: EnrollReply = courier.enroll(&collector, envelope).await?;
    if reply.probe != ProbeId(key.verifying_key().to_bytes()) {
        return Err(Trouble::Strange("it enrolled another probe than this one".to_owned()).into());
    }
    let (collector_key, role) = (reply.collector, reply.role);
    Ok(Enrolment { collector, collector_key, role, consent: CONSENT_VERSION, agreed })
}

/// The role in words.
pub(crate) fn word(role: Role) -> &'static str {
    match role {
        Role::Probe => "volunteer",
        Role::Control => "control",
    }
}
