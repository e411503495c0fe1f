//! What `locate` prints.

use std::net::IpAddr;

use kedergi_wire::{Asn, TargetUrl};
use serde::Serialize;

use super::finding::{Finding, Step, WHOLE_WAY};
use crate::command::Failed;

/// A router on the way, as far as it is known.
#[derive(Debug, Serialize)]
pub(crate) struct Place {
    /// Its number, counted from this machine.
    pub(crate) hop: u8,
    pub(crate) router: Option<IpAddr>,
    pub(crate) network: Option<Asn>,
}

/// All that was found; also what `--json` prints, with the sentence beside it.
#[derive(Debug, Serialize)]
pub(crate) struct Located<'a> {
    pub(crate) target: &'a TargetUrl,
    pub(crate) address: IpAddr,
    pub(crate) innocent: &'a str,
    #[serde(flatten)]
    pub(crate) finding: Finding,
    pub(crate) places: Vec<Place>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    located: &'a Located<'a>,
    says: String,
}

impl Located<'_> {
    pub(crate) fn json(&self) -> Result<String, Failed> {
        let line = Line { located: self, says: self.says() };
        Ok(serde_json::to_string(&line).map_err(Failed::runtime)? + "\n")
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!("{} at {}, beside the name {}\n", self.target, self.address, self.innocent);
        let width = self.places.iter().map(|place| place.words().len()).chain(["router".len()]).max().unwrap_or(0);
        text += &format!("hop  {:width$}  {:17}  the target's name\n", "router", "innocent name");
        for step in &self.steps {
            let whole = step.hop == WHOLE_WAY;
            let hop = if whole { "all".to_owned() } else { step.hop.to_string() };
            let router = if whole { String::new() } else { self.place(step.hop).map(Place::words).unwrap_or_default() };
            let target = step.target.map_or("not tried", |reply| reply.words());
            text += &format!("{hop:>3}  {router:width$}  {:17}  {target}\n", step.innocent.words());
        }
        text + &self.says() + "\n"
    }

    fn place(&self, hop: u8) -> Option<&Place> {
        self.places.iter().find(|place| place.hop == hop)
    }

    /// A router as a part of a sentence.
    fn called(&self, hop: u8) -> String {
        match self.place(hop).map(Place::words).filter(|words| words != "?") {
            Some(words) => format!("router {hop} ({words})"),
            None if hop == 0 => "this machine".to_owned(),
            None => format!("router {hop}, whose address is not known"),
        }
    }

    /// The finding as a sentence.
    pub(crate) fn says(&self) -> String {
        match self.finding {
            Finding::OnTheWay { after, hop, reply } => format!(
                "Somebody interferes between {} and {}: there the target's name, and not the innocent one, gets: {}.",
                self.called(after),
                self.called(hop),
                reply.words()
            ),
            Finding::AtTheSite { after, reply } => format!(
                "The target's name gets \"{}\" at the end of the way, behind {}. That may be the site itself.",
                reply.words(),
                self.called(after)
            ),
            Finding::Nothing => "No interference found: the site answers to both names.".to_owned(),
            Finding::NotTheName => {
                "The innocent name gets no answer at that address either: the name makes no difference.".to_owned()
            }
            Finding::Unclear => "No place can be told from these replies. Trying again may help.".to_owned(),
        }
    }
}

impl Place {
    fn words(&self) -> String {
        let network = self.network.map(|network| format!(", {network}")).unwrap_or_default();
        self.router.map_or_else(|| "?".to_owned(), |router| format!("{router}{network}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Reply;
    use super::*;

    fn located(target: &TargetUrl, finding: Finding) -> Located<'_> {
        let place = |hop, router: &str, network| Place { hop, router: router.parse().ok(), network };
        let step = |hop, innocent, target| Step { hop, innocent, target };
        let places = vec![place(1, "", None), place(2, "10.1.0.254", Asn::new(64_501)), place(3, "45.90.0.1", None)];
        let steps = vec![
            step(1, Reply::Silence, Some(Reply::Silence)),
            step(2, Reply::Expired, Some(Reply::Reset)),
            step(3, Reply::Expired, None),
            step(WHOLE_WAY, Reply::Answer, None),
        ];
        let address = "45.80.10.10".parse().unwrap();
        Located { target, address, innocent: "helper.lab.example", finding, places, steps }
    }

    #[test]
    fn what_is_printed() {
        let target = "https://news.example/".parse().unwrap();
        let found = Finding::OnTheWay { after: 1, hop: 2, reply: Reply::Reset };
        insta::assert_snapshot!("located", located(&target, found).table() + &located(&target, found).json().unwrap());
    }

    #[test]
    fn every_finding_is_a_sentence() {
        let target = "https://news.example/".parse().unwrap();
        let at_the_site = Finding::AtTheSite { after: 0, reply: Reply::Silence };
        let findings = [at_the_site, Finding::Nothing, Finding::NotTheName, Finding::Unclear];
        let says: Vec<_> = findings.into_iter().map(|finding| located(&target, finding).says()).collect();
        insta::assert_snapshot!("sentences", says.join("\n"));
    }
}
