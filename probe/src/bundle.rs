//! The target list and the control snapshot a collector publishes: what a probe takes from it and what it refuses.

use std::collections::BTreeSet;

use kedergi_wire::{Category, Envelope, Kind, OpenError, ProbeId, Target, TargetBundle, TargetUrl};

/// Why a bundle is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    /// Not a bundle, or not as it was signed.
    #[error("the target list cannot be read: {0}")]
    Open(#[from] OpenError),
    /// Signed by somebody else than the collector this probe was enrolled with.
    #[error("the target list is not signed by the collector this probe was enrolled with")]
    Signer,
    /// Older than the one at hand: somebody replays an old list.
    #[error("the target list is version {offered}, older than version {held} at hand")]
    Older {
        /// At hand.
        held: u64,
        /// Offered.
        offered: u64,
    },
}

/// Opens a bundle that the `pinned` key must have signed and that must not be older than `held`.
pub(crate) fn open(bytes: &[u8], pinned: ProbeId, held: Option<u64>) -> Result<TargetBundle, BundleError> {
    let envelope = Envelope::parse(bytes)?;
    if envelope.sender() != pinned {
        return Err(BundleError::Signer);
    }
    let bundle: TargetBundle = envelope.open(Kind::Targets)?;
    match held {
        Some(held) if bundle.version < held => Err(BundleError::Older { held, offered: bundle.version }),
        _ => Ok(bundle),
    }
}

/// The targets of a bundle that the volunteer lets this probe measure; on a metered line those of the light set alone.
pub(crate) fn wanted(bundle: &TargetBundle, skip: &[Category], metered: bool) -> Vec<TargetUrl> {
    let allowed = |target: &&Target| !skip.contains(&target.category) && (target.light || !metered);
    let targets = bundle.targets.iter().filter(allowed);
    targets.map(|target| target.url.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use jiff::Timestamp;
    use kedergi_wire::{ControlSnapshot, seal};

    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn pinned(key: &SigningKey) -> ProbeId {
        ProbeId(key.verifying_key().to_bytes())
    }

    fn bundle(version: u64) -> TargetBundle {
        let target = |url: &str, category| Target {
            url: url.parse().unwrap(),
            service: "s".parse().unwrap(),
            category,
            light: category == Category::Messenger,
        };
        TargetBundle {
            version,
            made: Timestamp::UNIX_EPOCH,
            targets: vec![
                target("https://news.example", Category::News),
                target("https://chat.example", Category::Messenger),
                target("https://news.example", Category::News),
            ],
            control: ControlSnapshot { made: Timestamp::UNIX_EPOCH, entries: Vec::new() },
        }
    }

    #[test]
    fn only_the_pinned_key_and_no_older_list_is_taken() {
        let bytes = seal(Kind::Targets, &key(1), &bundle(4)).unwrap();
        let own = pinned(&key(1));
        assert_eq!(open(&bytes, own, None).unwrap(), bundle(4));
        assert_eq!(open(&bytes, own, Some(4)).unwrap(), bundle(4));
        assert!(matches!(open(&bytes, own, Some(5)), Err(BundleError::Older { held: 5, offered: 4 })));
        assert!(matches!(open(&bytes, pinned(&key(2)), None), Err(BundleError::Signer)));
        assert!(matches!(open(&bytes[..90], own, None), Err(BundleError::Open(_))));
    }

    #[test]
    fn the_volunteer_decides_what_is_measured() {
        let free = wanted(&bundle(1), &[Category::Messenger], false);
        assert_eq!(free, ["https://news.example".parse().unwrap()]);
        let metered = wanted(&bundle(1), &[], true);
        assert_eq!(metered, ["https://chat.example".parse().unwrap()]);
        assert_eq!(wanted(&bundle(1), &[Category::Messenger], true), []);
    }
}
