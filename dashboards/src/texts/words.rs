//! Headings, labels and paragraphs that are always the same.

pub(crate) const LANGUAGE: &str = "en";
pub(crate) const SITE: &str = "Kedergi";
pub(crate) const TAGLINE: &str = "What is blocked, where, since when, and how we know";
pub(crate) const SKIP: &str = "Skip to the content";
pub(crate) const NAV_LABEL: &str = "Site";
pub(crate) const NAV_NOW: &str = "Now";
pub(crate) const NAV_METHOD: &str = "How we judge";
pub(crate) const NAV_DATA: &str = "Data";
pub(crate) const FOOTER: &str = "Volunteers’ probes try to reach sites from their own networks; control probes elsewhere try \
    the same at the same time. What fewer than three probes saw is shown nowhere, so that nobody can be found by it. \
    These pages use no cookies and no scripts and load nothing from other places.";

pub(crate) const NOW_TITLE: &str = "What is blocked now";
pub(crate) const ENDED_HEADING: &str = "Ended";
pub(crate) const OPEN_HEADING: &str = "Going on";
pub(crate) const COUNTRIES_HEADING: &str = "Country by country";
pub(crate) const EVIDENCE_LINK: &str = "Evidence";
pub(crate) const TIMELINE_LINK: &str = "Timeline";
pub(crate) const NO_CELLS: &str = "Nothing can be said about any service: too few probes reported.";
pub(crate) const EMPTY_TITLE: &str = "Nothing is known right now";
pub(crate) const EMPTY_TEXT: &str = "No probe has reported lately. That does not mean that everything can be reached: it \
    means that nobody is measuring, or that reports do not arrive.";
pub(crate) const TOO_FEW_TEXT: &str = "Too few probes report to say anything about any country. That does not mean that \
    everything can be reached.";
pub(crate) const QUIET_TITLE: &str = "No blocking is seen right now";

pub(crate) const EVENTS_HEADING: &str = "Events in this time";
pub(crate) const NO_EVENTS: &str = "No event in this time.";
pub(crate) const TIMELINE_HEADING: &str = "Timeline";
pub(crate) const NO_ROWS: &str =
    "No report from this time. Nothing is known, which is not the same as nothing being wrong.";
pub(crate) const AS_TABLE: &str = "The same as a table";
pub(crate) const AS_JSON: &str = "The same as JSON";
pub(crate) const WINDOW_LABEL: &str = "Time shown";
pub(crate) const EARLIER: &str = "Earlier";
pub(crate) const LATER: &str = "Later";
pub(crate) const LATEST: &str = "Latest";
pub(crate) const LEGEND_LABEL: &str = "What the marks mean";

pub(crate) const KIND: &str = "Kind";
pub(crate) const LEVEL: &str = "How sure";
pub(crate) const EXTENT: &str = "Extent";
pub(crate) const CONTESTED: &str = "Contested";
pub(crate) const CONTESTED_MEANING: &str = "Contested: some probes that have been trusted for long do not see this on their \
    networks, while others do. It may affect some subscribers only.";
pub(crate) const TAKEN_BACK: &str = "Taken back";
pub(crate) const NO_REPORTS_OF_SILENCE: &str = "A shutdown rests on signs of life that did not come; there is no report of \
    silence to show.";
pub(crate) const BEGAN: &str = "Began";
pub(crate) const ENDED: &str = "Ended";
pub(crate) const SERVICES: &str = "Services";
pub(crate) const NETWORKS: &str = "Networks";
pub(crate) const HOW: &str = "How";
pub(crate) const CONFIRMED: &str = "Confirmed";
pub(crate) const SERVICE: &str = "Service";
pub(crate) const STATE: &str = "State";
pub(crate) const PROBES: &str = "Probes";
pub(crate) const REPORTS: &str = "Reports";
pub(crate) const FROM: &str = "From";
pub(crate) const UNTIL: &str = "Until";
pub(crate) const RULE: &str = "rule";
pub(crate) const PARTLY: &str = "partly blocked";
pub(crate) const PARTLY_ROW: &str = "blocked on some networks at least, as an event tells";
pub(crate) const PARTLY_MEANING: &str = "on some networks, as an event tells; most probes of the country may reach it";
pub(crate) const OK_WHERE_KNOWN: &str = "ok where known";
pub(crate) const SILENT_COUNTRY: &str = "Nothing was heard from here lately: what follows is what was last known.";
/// Stretches to choose from, in hours.
pub(crate) const WINDOWS: [(&str, i64); 3] = [("6 hours", 6), ("1 day", 24), ("1 week", 168)];
pub(crate) const TOO_FEW: &str =
    "Fewer than three probes report from here: nothing is shown, so that nobody can be found by it.";
pub(crate) const NOT_YET: &str = "not yet";
pub(crate) const EVERYTHING: &str = "everything";
pub(crate) const WHERE_HEADING: &str = "Network by network";
pub(crate) const HOW_HEADING: &str = "How it was done";
pub(crate) const EVIDENCE_HEADING: &str = "Evidence";
pub(crate) const EVIDENCE_INTRO: &str = "Some of the measurements this rests on, as they were judged. The name of the rule \
    leads to what the rule says.";
pub(crate) const NO_EVIDENCE: &str =
    "No single measurement can be shown here without pointing at the volunteer who made it.";
pub(crate) const CONTROLS_HEADING: &str = "The same sites from elsewhere, in the same minutes";
pub(crate) const CONTROLS_INTRO: &str = "Control probes stand where the network is not interfered with. If they fail too, the \
    site itself is in trouble.";
pub(crate) const NO_CONTROLS: &str = "No control measurement from these minutes is at hand.";
pub(crate) const HISTORY_HEADING: &str = "What was known when";
pub(crate) const LIMITS_HEADING: &str = "What this does not show";
pub(crate) const LIMITS: &str = "Measurements show that something on the way kept these sites from being reached, and how. \
    They do not show who ordered it, or why. Networks without enough probes are not listed: they may have been affected \
    or not. Sites were measured as a browser opens them; an app of the same service may have worked, or failed, \
    otherwise. The true begin and end lie between the two measurements given for each, not at a known second.";

pub(crate) const METHOD_TITLE: &str = "How we judge";
pub(crate) const METHOD_INTRO: &str = "Every measurement is judged by the first of these rules that fits. The rules are the \
    same on the volunteer’s machine and here, and each verdict keeps the name of its rule and what it rests on.";
pub(crate) const METHOD_SOURCE: &str = "Based on:";

pub(crate) const NOT_FOUND_TITLE: &str = "This page does not exist";
pub(crate) const NOT_FOUND_TEXT: &str = "There is nothing at this address. An event that turned out to be none is taken back \
    and loses its page.";
pub(crate) const ERROR_TITLE: &str = "This page cannot be shown";
pub(crate) const BACK: &str = "What is blocked now";
