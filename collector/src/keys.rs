//! The collector's own key and the codes of its invitations.

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::SigningKey;
use kedergi_store::{Ledger, StoreError};
use kedergi_wire::{Digest, ProbeId};

/// Name of the signing key's seed in the ledger.
const SIGNING: &str = "signing-key";

/// The machine has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}")]
pub(crate) struct NoRandomness(getrandom::Error);

/// The key that signs bundles: made once, kept in the ledger.
pub(crate) fn signing_key(ledger: &mut Ledger) -> Result<SigningKey, KeyError> {
    let fresh = random::<32>()?;
    Ok(SigningKey::from_bytes(&ledger.secret(SIGNING, || fresh)?))
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// No randomness to make one from.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The ledger does not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The name under which probes pin the collector.
pub(crate) fn collector_id(key: &SigningKey) -> ProbeId {
    ProbeId(key.verifying_key().to_bytes())
}

/// A fresh code: 128 random bits in 26 letters and digits that survive being read aloud.
pub(crate) fn invite_code() -> Result<String, NoRandomness> {
    Ok(BASE32_NOPAD.encode(&random::<16>()?))
}

/// What is kept of a code. The code has 128 random bits, so a plain hash does not give it away. Case and the dashes and spaces
/// that people put in do not count.
pub(crate) fn invite_hash(code: &str) -> [u8; 32] {
    let bare: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    Digest::of(bare.as_bytes()).0
}

/// So many bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(NoRandomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_may_be_written_as_people_write() {
        let code = invite_code().unwrap();
        assert_eq!(code.len(), 26);
        assert_eq!(invite_hash(&code), invite_hash(&format!(" {}-{}\n", &code[..5], code[5..].to_lowercase())));
        assert_ne!(code, invite_code().unwrap());
    }
}
