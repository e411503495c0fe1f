//! What kind of event it is, how sure it is and how far it reaches.

use kedergi_detector::{CellState, Extent, Kind, Level, Note};

use super::{networks, short_list};

/// What a kind of event is called within a sentence.
pub fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Throttling => "throttling",
        Kind::Block => "block",
        Kind::PartialShutdown => "partial shutdown",
        Kind::Shutdown => "shutdown",
    }
}

/// The state whose mark an event's time is drawn with.
pub(crate) fn mark(kind: Kind) -> CellState {
    match kind {
        Kind::Throttling => CellState::Throttled,
        Kind::Block | Kind::PartialShutdown | Kind::Shutdown => CellState::Blocked,
    }
}

/// What the kind means, for a reader who asks.
pub(crate) fn kind_meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Throttling => "services are slowed down by something on the way",
        Kind::Block => "services are kept from being reached by something on the way",
        Kind::PartialShutdown => "networks are off for some of their subscribers",
        Kind::Shutdown => "networks are off",
    }
}

pub(crate) fn level(level: Level) -> &'static str {
    match level {
        Level::Suspected => "suspected",
        Level::Confirmed => "confirmed",
        Level::National => "national",
    }
}

/// What the level means.
pub(crate) fn level_meaning(level: Level) -> &'static str {
    match level {
        Level::Suspected => "something seems to begin; it may be one volunteer’s word",
        Level::Confirmed => "independent probes agree",
        Level::National => "independent probes agree, and it reaches at least half of the country’s measured networks",
    }
}

/// Why nobody was woken for it.
pub(crate) fn note(note: Note) -> &'static str {
    match note {
        Note::Down => {
            "Nobody was woken for this: the same failed in other countries at the same time. Probably the service itself \
             was out of order."
        }
        Note::Instrument => {
            "Nobody was woken for this: it was seen only by probes whose software, list of sites or rules had just changed. \
             Probably the instrument is at fault, not the network."
        }
        Note::Standing => {
            "Nobody was woken for this: it has been so for as long as anybody measured. When it began is not known."
        }
    }
}

/// The same in a few words.
pub(crate) fn note_tag(note: Note) -> &'static str {
    match note {
        Note::Down => "down elsewhere too",
        Note::Instrument => "our instrument changed",
        Note::Standing => "standing",
    }
}

/// `3 of 5 measured networks, 62 % of their weight`; `None` where nothing is known of others.
pub fn extent_in_words(extent: Extent) -> Option<String> {
    let Extent { networks, measured, permille } = extent;
    let plural = if measured == 1 { "network" } else { "networks" };
    (measured > 0).then(|| format!("{networks} of {measured} measured {plural}, {} of their weight", percent(permille)))
}

/// Rounded, but never to none or all of what is neither.
pub(crate) fn percent(permille: u16) -> String {
    match permille {
        0 => "0 %".to_owned(),
        1..=9 => "under 1 %".to_owned(),
        991..=999 => "over 99 %".to_owned(),
        _ => format!("{} %", (permille + 5) / 10),
    }
}

/// What an event affects, as a headline needs it.
pub(crate) struct Affects<'a> {
    pub(crate) kind: Kind,
    pub(crate) services: &'a [String],
    /// Networks by name, where they may be named.
    pub(crate) named: &'a [String],
    pub(crate) unnamed: u32,
    pub(crate) country: &'a str,
}

/// The sentence an event is known by while it goes on.
pub(crate) fn headline_open(affects: &Affects<'_>, since: &str) -> String {
    let (subject, one, place) = subject(affects);
    let have = if one { "has" } else { "have" };
    let been = match affects.kind {
        Kind::Throttling => "been slowed down",
        Kind::Block => "been blocked",
        Kind::PartialShutdown => "been partly off",
        Kind::Shutdown => "been off",
    };
    format!("{subject} {have} {been} in {}{place} since {since}", affects.country)
}

/// The sentence an event is known by once it is over.
pub(crate) fn headline_closed(affects: &Affects<'_>, during: &str) -> String {
    let (subject, one, place) = subject(affects);
    let were = if one { "was" } else { "were" };
    let done = match affects.kind {
        Kind::Throttling => "slowed down",
        Kind::Block => "blocked",
        Kind::PartialShutdown => "partly off",
        Kind::Shutdown => "off",
    };
    format!("{subject} {were} {done} in {}{place} from {during}", affects.country)
}

/// Who or what it happens to, whether that is one, and where: of a shutdown the networks are the subject.
fn subject(affects: &Affects<'_>) -> (String, bool, String) {
    let on = super::on_networks(affects.named, affects.unnamed);
    match affects.kind {
        Kind::Throttling | Kind::Block => (short_list(affects.services), affects.services.len() == 1, format!(" {on}")),
        Kind::PartialShutdown | Kind::Shutdown => {
            let count = affects.named.len() + usize::try_from(affects.unnamed).unwrap_or(usize::MAX);
            let subject = match (affects.named, affects.unnamed) {
                ([only], 0) => only.clone(),
                _ => networks(count),
            };
            (subject, count == 1, String::new())
        }
    }
}

/// What became of an event's services, for the list of what was known when.
pub(crate) fn what(kind: Kind, services: &[String]) -> String {
    match (services, kind) {
        ([], Kind::PartialShutdown | Kind::Shutdown) => "everything".to_owned(),
        (services, _) => short_list(services),
    }
}

/// How something is done that shows in no single connection.
pub(crate) fn how_of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Throttling => {
            "The sites could be reached, but what they sent came many times slower than the same amount from a control in the \
             same half minute. Pages load slowly or not at all, videos stop. A line that is merely busy slows down both alike."
        }
        Kind::Block => "Nothing is known of how it was done.",
        Kind::PartialShutdown | Kind::Shutdown => {
            "Probes send a sign of life every few minutes, whatever they can or cannot reach. On these networks the signs of \
             life stopped, of more probes and for longer than ever happens by chance, while other networks went on. A probe \
             that is cut off cannot say how: what it measured meanwhile arrives when the line is back."
        }
    }
}

/// `8 times slower`, from 1000 * log10 of the ratio.
pub fn slower_in_words(slowness: i32) -> String {
    let times = 10f64.powf(f64::from(slowness.max(0)) / 1000.0);
    if times < 9.95 { format!("{times:.1} times slower") } else { format!("{times:.0} times slower") }
        .replace(".0 ", " ")
}

/// How much slower, in what manner and set off by what, of all that is slowed down.
pub(crate) fn slowed(range: (i32, i32), policed: u32, shaped: u32, by_name: u32, by_address: u32) -> Vec<String> {
    let (least, most) = (slower_in_words(range.0), slower_in_words(range.1));
    let much = if least == most {
        format!("{}, in the median.", super::capital(&most))
    } else {
        format!("From {least} to {most}, each the median of one service on one network.")
    };
    let manner = match (policed, shaped) {
        (0, 0) => None,
        (dropped, 0) => Some(format!("What exceeds a certain rate is dropped ({dropped} measurements).")),
        (0, waiting) => Some(format!("What exceeds a certain rate is made to wait ({waiting} measurements).")),
        (dropped, waiting) => Some(format!(
            "What exceeds a certain rate is dropped ({dropped} measurements) or made to wait ({waiting} measurements)."
        )),
    };
    let cause = match (by_name, by_address) {
        (0, 0) => None,
        (name, 0) => Some(format!(
            "It follows the site’s name: the same address under another name was fast ({name} comparisons)."
        )),
        (0, address) => {
            Some(format!("It follows the site’s address, whatever name is sent to it ({address} comparisons)."))
        }
        (name, address) => {
            Some(format!("It follows the site’s name ({name} comparisons) or its address ({address} comparisons)."))
        }
    };
    [Some(much), manner, cause].into_iter().flatten().collect()
}

pub(crate) fn limits(kind: Kind) -> &'static str {
    match kind {
        Kind::Block => super::LIMITS,
        Kind::Throttling => {
            "Measurements show that these sites were slowed down on the way, and by how much. They do not show who ordered \
             it, or why. Networks without enough probes are not listed: they may have been affected or not. The true begin \
             and end lie between the two measurements given for each, not at a known second."
        }
        Kind::PartialShutdown | Kind::Shutdown => {
            "Silence shows that probes were cut off, not by whom, and not whether by order or by a fault. Networks without enough \
             probes are not listed: they may have been affected or not. The true begin and end lie between the two signs of \
             life given for each, not at a known second."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affects<'a>(kind: Kind, services: &'a [String], named: &'a [String], unnamed: u32) -> Affects<'a> {
        Affects { kind, services, named, unnamed, country: "Iran" }
    }

    #[test]
    fn each_kind_has_its_headline() {
        let (services, named) = (["Signal".to_owned()], ["AS64500".to_owned()]);
        let of = |kind, unnamed| headline_open(&affects(kind, &services, &named, unnamed), "noon");
        assert_eq!(of(Kind::Throttling, 1), "Signal has been slowed down in Iran on 2 networks since noon");
        assert_eq!(of(Kind::Block, 0), "Signal has been blocked in Iran on AS64500 since noon");
        assert_eq!(of(Kind::PartialShutdown, 0), "AS64500 has been partly off in Iran since noon");
        assert_eq!(of(Kind::Shutdown, 1), "2 networks have been off in Iran since noon");
        let over = headline_closed(&affects(Kind::Shutdown, &[], &[], 1), "noon to one");
        assert_eq!(over, "1 network was off in Iran from noon to one");
    }

    #[test]
    fn shares_are_rounded_but_not_to_none_or_all() {
        assert_eq!(
            [0, 4, 9, 10, 624, 996, 1000].map(percent).join(", "),
            "0 %, under 1 %, under 1 %, 1 %, 62 %, over 99 %, 100 %"
        );
        let extent = Extent { networks: 3, measured: 5, permille: 620 };
        assert_eq!(extent_in_words(extent).unwrap(), "3 of 5 measured networks, 62 % of their weight");
        assert_eq!(extent_in_words(Extent::default()), None);
        assert_eq!(
            [301, 544, 903, 1600].map(slower_in_words).join(", "),
            "2 times slower, 3.5 times slower, 8 times slower, 40 times slower"
        );
    }
}
