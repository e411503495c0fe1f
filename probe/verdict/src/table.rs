//! The rules, in the order in which they are tried.

use std::borrow::Cow;

use crate::case::Case;
use crate::evidence::known;
use crate::{
    DnsManner, Evidence, How, HttpManner, Outcome, Rule, RuleId, TcpManner, TlsManner, Why, crowded, dns, http, line,
    reach, tcp, throttle, tls, trigger,
};

/// Version of the rules. It rises when the same report could be judged otherwise than before.
pub const RULES_VERSION: u16 = 5;

/// The rules, in the order in which they are tried: the first that fires decides.
pub fn rules() -> &'static [Rule] {
    RULES
}

const fn rule(
    id: &'static str,
    concludes: Outcome,
    when: &'static str,
    source: &'static str,
    look: fn(&Case<'_>) -> Option<Vec<Evidence>>,
) -> Rule {
    Rule { id: RuleId(Cow::Borrowed(id)), concludes, when, source, look }
}

const fn blocked(how: How) -> Outcome {
    Outcome::Blocked { how }
}

const fn inconclusive(why: Why) -> Outcome {
    Outcome::Inconclusive { why }
}

const TWITTER: &str = "Xue et al., Throttling Twitter, IMC 2021, for pairs of transfers; Wald, Sequential Tests of Statistical Hypotheses, 1945, for when they are enough";
const IRIS: &str = "Pearce et al., Global Measurement of DNS Manipulation, USENIX Security 2017";
const HOLD_ON: &str = "Duan et al., Hold-On: Protecting Against On-Path DNS Poisoning, SATIN 2012";
const WEB_CONNECTIVITY: &str = "OONI Web Connectivity, the comparison of a probe with a control";
const BLOCK_PAGES: &str = "Jones et al., Automated Detection and Fingerprinting of Censorship Block Pages, IMC 2014";
const KZ_INTERCEPTION: &str = "Raman et al., Investigating Large Scale HTTPS Interception in Kazakhstan, IMC 2020";

pub(crate) static RULES: &[Rule] = &[
    // What is slow answers all the same, or is given up too early: before what answered, and before what was silent.
    rule(
        "throttled-name",
        Outcome::Throttled,
        "The same bytes from the same control host, or a handshake with the site's address, took at least three times as long under the site's name as under another: at odds of 1000 to 1 over all such pairs. Where only handshakes tell, the control's must have been three times quicker. During the run no control host was silent or late beside a failure (see crowded-line), nor did its bytes come at less than 200 kbit/s and a tenth of the best rate.",
        TWITTER,
        throttle::by_name,
    ),
    rule(
        "throttled-address",
        Outcome::Throttled,
        "The site's bytes took at least three times as long as a control host's, at odds of 1000 to 1 over all such pairs, and longer than twelve round trips explain; the control got the site at least three times as fast; the control hosts as above.",
        TWITTER,
        throttle::by_address,
    ),
    // What proves itself comes first: no fault elsewhere in the report weighs against it.
    rule(
        "answered-over-tls",
        Outcome::Reachable,
        "An address that the line's resolver named showed a certificate valid for the name, and answered the request over that connection.",
        "RFC 9525: a certificate proves the service",
        reach::proven,
    ),
    rule(
        "answered-as-control",
        Outcome::Reachable,
        "Plain HTTP: the page at the end of the redirects is like the control's (on a host where the control is not sent: has the same title), or is the same site's over proven TLS. A page over TLS must be proven; one from an address that no trusted resolver names must agree with what a trusted address gives at the same time.",
        BLOCK_PAGES,
        reach::answered_as_control,
    ),
    rule(
        "own-flaw",
        Outcome::Reachable,
        "The certificate does not pass, but the control saw the same certificate or the same flaw, and the site answered.",
        "Our own: what the control sees too is not the provider's doing",
        reach::own_flaw,
    ),
    // Then the line and the machine, before anybody is accused.
    rule(
        "no-connectivity",
        inconclusive(Why::NoConnectivity),
        "During the whole run nobody outside the provider's network answered anything.",
        "Our own: a cut line fails every test",
        line::no_connectivity,
    ),
    rule(
        "abroad-cut",
        inconclusive(Why::NoConnectivity),
        "Nobody outside the provider's network answered for this target, and fewer than a quarter of the run's targets let themselves be connected to; the control did not find the target down.",
        "Our own: in a shutdown what stands inside the country still answers",
        line::abroad_cut,
    ),
    rule(
        "captive-portal",
        inconclusive(Why::CaptivePortal),
        "During the whole run nobody proved by a certificate who they are, and in place of the target or of a resolver asked over HTTPS somebody else answered, or an address that is the whole target let itself be connected to.",
        "Our own: a Wi-Fi's log-in page answers in place of everybody",
        line::captive_portal,
    ),
    rule(
        "own-machine",
        inconclusive(Why::OwnMachine),
        "All failures, IPv6 aside, are refusals of the probe's own machine.",
        "Our own: such failures say nothing of the network",
        line::own_machine,
    ),
    rule(
        "connected",
        Outcome::Reachable,
        "The target is only an address and a port, and let itself be connected to.",
        "Our own: nothing more is asked of it",
        reach::connected,
    ),
    rule(
        "down",
        Outcome::Down,
        "No page came, and the control did not get through either.",
        WEB_CONNECTIVITY,
        reach::down,
    ),
    rule(
        "exists-nowhere",
        Outcome::Down,
        "The line's resolver named an address, but a resolver asked over HTTPS said that the name does not exist, and the control found no address either.",
        "Our own: what answers for every name answers for no site",
        dns::exists_nowhere,
    ),
    rule(
        "resolver-dead",
        inconclusive(Why::ResolverDead),
        "The line's resolver answered no question of the whole run, or only that it failed.",
        "Our own: silence on one name is a sign, silence on all a fault",
        line::resolver_dead,
    ),
    rule(
        "dns-injected",
        blocked(How::Dns(DnsManner::Injected)),
        "The line's resolver named no address of the site, and one question, asked without encryption, got two contradictory answers of which the first is false, or got a false answer from a machine on which no resolver runs.",
        HOLD_ON,
        dns::injected,
    ),
    rule(
        "dns-bogon",
        blocked(How::Dns(DnsManner::Bogon)),
        "The line's resolver named only addresses that can be nobody's site; trusted resolvers name others.",
        "RFC 6890, special-purpose addresses",
        dns::bogon,
    ),
    rule(
        "dns-nxdomain",
        blocked(How::Dns(DnsManner::NxDomain)),
        "The line's resolver said that the name does not exist; trusted resolvers name addresses.",
        IRIS,
        dns::no_such_name,
    ),
    rule(
        "dns-refused",
        blocked(How::Dns(DnsManner::Refused)),
        "The line's resolver refused or failed on this name; trusted resolvers name addresses.",
        WEB_CONNECTIVITY,
        dns::refused,
    ),
    rule(
        "dns-no-answer",
        blocked(How::Dns(DnsManner::NoAnswer)),
        "The line's resolver answered without an address, or was silent on every question about this name while it answered others, and its silences do not mostly pass when a question is repeated, nor does the line lose packets (see lossy-line); trusted resolvers name addresses.",
        WEB_CONNECTIVITY,
        dns::no_answer,
    ),
    rule(
        "dns-wrong-address",
        blocked(How::Dns(DnsManner::WrongAddress)),
        "The line's resolver named addresses that no trusted one names, and they proved not to be the site's: by their certificate or page, or because they do not answer while a trusted address works. Merely unknown addresses accuse nobody.",
        IRIS,
        dns::wrong_address,
    ),
    rule(
        "lossy-line",
        inconclusive(Why::Ambiguous),
        "After the name was resolved nothing but silence, on a line that loses packets: during the whole run at least two silences, and at least half of those that were tried again at once, were then gone; or at least two of the exchanges that worked, and every fifth, had lost a packet. Silence that experiments found to be bound to the name or to the address is none of the line's.",
        "Our own: what is blocked stays silent, what is lost does not",
        line::lossy,
    ),
    rule(
        "slow-line",
        inconclusive(Why::Ambiguous),
        "After the name was resolved nothing but silence, and during the run the bytes of a control host, too, came at less than 200 kbit/s.",
        "Our own: on a line that is slow for everything whoever waits gives up early",
        line::slow,
    ),
    rule(
        "crowded-line",
        inconclusive(Why::Ambiguous),
        "After the name was resolved nothing but silence; and beside it a control host under its own name was silent, or took three seconds for a step, though it gave its bytes at another time of the run, or the site itself gave its page, with a valid certificate, when it was asked once more at the end of the run.",
        "Our own: what passes within the minute was the line's, and a control host shows how the line was just then",
        crowded::crowded,
    ),
    rule(
        "tcp-timeout",
        blocked(How::Tcp(TcpManner::Timeout)),
        "No address of the site connected, over IPv4 mostly because nothing came back; the control got through, over IPv4 too.",
        WEB_CONNECTIVITY,
        |case| tcp::failed(case, TcpManner::Timeout),
    ),
    rule(
        "tcp-refused",
        blocked(How::Tcp(TcpManner::Refused)),
        "No address connected, mostly because the first packet was answered with a reset; the control got through, over IPv4 too.",
        WEB_CONNECTIVITY,
        |case| tcp::failed(case, TcpManner::Refused),
    ),
    rule(
        "tcp-reset",
        blocked(How::Tcp(TcpManner::Reset)),
        "No address connected, mostly because the connection was reset while it was made; the control got through, over IPv4 too.",
        WEB_CONNECTIVITY,
        |case| tcp::failed(case, TcpManner::Reset),
    ),
    rule(
        "tcp-unreachable",
        blocked(How::Tcp(TcpManner::Unreachable)),
        "No address connected, mostly because routers said that they cannot be reached; the control got through, over IPv4 too.",
        WEB_CONNECTIVITY,
        |case| tcp::failed(case, TcpManner::Unreachable),
    ),
    rule(
        "intercepts-everything",
        inconclusive(Why::Ambiguous),
        "A false certificate where the control saw a valid one, but the encrypted resolvers' certificates were all false too.",
        "Our own: log-in pages, virus scanners and companies take over every connection",
        tls::intercepts_everything,
    ),
    rule(
        "tls-intercepted",
        blocked(How::Tls(TlsManner::Intercepted)),
        "No handshake was valid, and one showed a certificate of an unknown issuer, for another name, or of another root than the control's that was added on this machine, where the control saw a valid one.",
        KZ_INTERCEPTION,
        tls::intercepted,
    ),
    rule(
        "site-itself",
        inconclusive(Why::Ambiguous),
        "Most handshakes, or requests, were answered with a refusal (reset, end, alert), or in the clear with another page that does not say what it stands for, but by experiment only for this name at this address: a control host under the same name and this address under another name answered.",
        "Our own: a site may turn some of its visitors away; who blocks a name or an address blocks it elsewhere too",
        trigger::site_itself,
    ),
    rule(
        "tls-reset",
        blocked(How::Tls(TlsManner::Reset)),
        "Connected, and most handshakes were answered with a reset; the control got through.",
        WEB_CONNECTIVITY,
        |case| tls::failed(case, TlsManner::Reset),
    ),
    rule(
        "tls-timeout",
        blocked(How::Tls(TlsManner::Timeout)),
        "Connected, and most handshakes were answered with silence; the control got through.",
        WEB_CONNECTIVITY,
        |case| tls::failed(case, TlsManner::Timeout),
    ),
    rule(
        "tls-closed",
        blocked(How::Tls(TlsManner::Closed)),
        "Connected, and in most handshakes the stream was ended; the control got through.",
        WEB_CONNECTIVITY,
        |case| tls::failed(case, TlsManner::Closed),
    ),
    rule(
        "tls-alert",
        blocked(How::Tls(TlsManner::Alert)),
        "Connected, and most handshakes were answered with a TLS alert; the control got through.",
        WEB_CONNECTIVITY,
        |case| tls::failed(case, TlsManner::Alert),
    ),
    rule(
        "http-block-page",
        blocked(How::Http(HttpManner::BlockPage)),
        "Plain HTTP: a page unlike the control's with status 451 from other server software, with the words of a block page in its title, or that sends the reader to a block page's address or, by other server software, to a host where the control is not sent.",
        "RFC 7725, status 451; Jones et al., IMC 2014",
        http::block_page,
    ),
    rule(
        "http-reset",
        blocked(How::Http(HttpManner::Reset)),
        "The connection was good, and most requests were answered with a reset or an early end; the control got a page.",
        WEB_CONNECTIVITY,
        |case| http::failed(case, HttpManner::Reset),
    ),
    rule(
        "http-timeout",
        blocked(How::Http(HttpManner::Timeout)),
        "The connection was good, and most requests were answered with silence; the control got a page.",
        WEB_CONNECTIVITY,
        |case| http::failed(case, HttpManner::Timeout),
    ),
    rule(
        "http-different",
        blocked(How::Http(HttpManner::Different)),
        "Plain HTTP: the page differs from the control's in at least two of status class, title and length (less than half), comes from other server software, is not the refusal of a front that large sites rent, and encrypted connections worked.",
        BLOCK_PAGES,
        http::different,
    ),
    // Nobody is accused.
    rule(
        "answered-elsewhere",
        Outcome::Reachable,
        "The line's resolver named a true address of the site, and another true address answered over proven TLS.",
        "RFC 8305: a program tries the next address",
        reach::proven_elsewhere,
    ),
    rule(
        "no-control",
        inconclusive(Why::NoControl),
        "No control that got through says how the target should look.",
        "Our own: a missing control is no disagreement",
        |case| {
            case.reached_control()
                .is_none()
                .then(|| vec![known("No control that got through to this target is at hand.")])
        },
    ),
    rule(
        "ambiguous",
        inconclusive(Why::Ambiguous),
        "Nothing above fits.",
        "Our own: a sign too weak accuses nobody",
        |_| {
            Some(vec![known(
                "The target did not answer as it should, and nothing in the report says whose doing it is.",
            )])
        },
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_given_once() {
        let names: BTreeSet<&RuleId> = RULES.iter().map(|rule| &rule.id).collect();
        assert_eq!(names.len(), RULES.len());
    }

    #[test]
    fn every_manner_and_every_reason_has_a_rule() {
        let concluded: BTreeSet<Outcome> = RULES.iter().map(|rule| rule.concludes).collect();
        let dns = DnsManner::ALL.iter().map(|&manner| blocked(How::Dns(manner)));
        let tcp = TcpManner::ALL.iter().map(|&manner| blocked(How::Tcp(manner)));
        let tls = TlsManner::ALL.iter().map(|&manner| blocked(How::Tls(manner)));
        let http = HttpManner::ALL.iter().map(|&manner| blocked(How::Http(manner)));
        let reasons = Why::ALL.iter().map(|&why| inconclusive(why));
        let others = [Outcome::Reachable, Outcome::Throttled, Outcome::Down];
        let expected: BTreeSet<_> = dns.chain(tcp).chain(tls).chain(http).chain(reasons).chain(others).collect();
        assert_eq!(concluded, expected);
    }
}
