//! Whose a valid certificate is: the site's own, or somebody's who signs for any name on this machine.

use kedergi_wire::{Tls, Verification};

use crate::case::{Case, is_valid};

impl Case<'_> {
    /// Whether a handshake finished with a certificate that is valid for the name, and nothing says that it is another's.
    pub(crate) fn is_genuine(&self, tls: &Tls) -> bool {
        is_valid(tls) && !self.is_signed_here(tls)
    }

    /// Whether only a root vouches for the certificate that was added on this machine, while the control got another
    /// certificate that rests on another root. An ISP that makes its customers install its root intercepts so.
    pub(crate) fn is_signed_here(&self, tls: &Tls) -> bool {
        let leaf = tls.chain.first().map(|leaf| leaf.sha256);
        let control = self.reached_control().filter(|entry| entry.verification == Some(Verification::Valid));
        control.is_some_and(|entry| {
            tls.extra_root.is_some() && tls.extra_root != entry.extra_root && leaf != entry.certificate
        })
    }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{ControlEntry, Digest, Verification};

    use crate::example::*;

    fn taken_over() -> Example {
        named(HTTPS).tls(SITE, Verification::Valid, "forged").by_extra_root("state").page(SITE, site_page())
    }

    #[test]
    fn a_root_that_the_machine_was_made_to_trust_does_not_hide_an_interception() {
        assert_eq!(rule(taken_over(), Some(&control(HTTPS))), "tls-intercepted");
        let verdict = crate::judge(&taken_over().done(), Some(&control(HTTPS)));
        assert!(verdict.evidence[0].says.contains("added on this machine"), "{verdict:?}");
    }

    #[test]
    fn without_another_certificate_to_compare_the_machines_root_is_believed() {
        assert_eq!(rule(taken_over(), None), "answered-over-tls");
        let same_root = ControlEntry { extra_root: Some(Digest::of(b"state")), ..control(HTTPS) };
        assert_eq!(rule(taken_over(), Some(&same_root)), "answered-over-tls");
        let same_leaf = ControlEntry { certificate: Some(Digest::of(b"forged")), ..control(HTTPS) };
        assert_eq!(rule(taken_over(), Some(&same_leaf)), "answered-over-tls");
        let flawed = ControlEntry { verification: Some(Verification::UnknownIssuer), ..control(HTTPS) };
        assert_eq!(rule(taken_over(), Some(&flawed)), "answered-over-tls");
    }

    #[test]
    fn a_bundled_root_is_believed_whatever_the_leaf() {
        let other = named(HTTPS).tls(SITE, Verification::Valid, "another").page(SITE, site_page());
        assert_eq!(rule(other, Some(&control(HTTPS))), "answered-over-tls");
    }
}
